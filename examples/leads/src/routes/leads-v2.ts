import { Router } from 'express'
import { createFieldSelection, createKeyset, type FieldSelection, pageLinks } from 'holdfast/http'
import type { Database } from '../database.ts'
import { readInput } from '../input.ts'
import { INSURANCE_TYPES, LEAD_STATUSES } from '../lead-values.ts'

type LeadField = 'id' | 'status' | 'insuranceType' | 'qualityScore' | 'zipCode' | 'source' | 'contactName' | 'createdAt'

/** What `fields=` may name. */
export const leadFields: FieldSelection<LeadField> = createFieldSelection<LeadField>({
  fields: {
    id: 'l.id',
    status: 'l.status',
    insuranceType: 'l.insurance_type',
    qualityScore: 'l.quality_score',
    zipCode: 'l.zip_code',
    source: 'l.source',
    contactName: 'l.contact_name',
    createdAt: 'l.created_at',
  },
  always: ['id'],
})

/** `GET /v2/leads`: the leads of a status, newest first, with the fields that are asked for. Pages by signed cursors, with a Link field in both directions. */
export function leadV2Routes(db: Database, cursorSecret: string): Router {
  const pages = createKeyset({
    order: [
      { column: 'l.created_at', direction: 'desc' },
      { column: 'l.id', direction: 'desc' },
    ],
    secrets: [{ id: '1', secret: cursorSecret }],
  })
  const routes = Router()
  routes.get('/v2/leads', async (request, response) => {
    const input = readInput('query', request.query)
    const status = input.oneOfOr('status', LEAD_STATUSES, 'new')
    const type = input.oneOfOr('type', INSURANCE_TYPES, null)
    const limit = input.integerOr('limit', 20, { max: 100 })
    const cursor = input.matchingOr('cursor', /^[\w.-]{1,2048}$/, 'the cursor of an earlier answer', undefined)
    const fields = input.matchingOr('fields', /^[\w,]{1,500}$/, 'names separated by commas', undefined)
    input.done()
    const list = {
      select: leadFields.select(fields).sql,
      from: 'lead l',
      where: `l.status = $1${type === null ? '' : ' and l.insurance_type = $2'}`,
      values: type === null ? [status] : [status, type],
    }
    const query = pages.query(list, { cursor, limit })
    const { rows } = await db.query<Record<string, unknown>>(query.text, query.values)
    const page = query.page(rows)
    response.set('Link', pageLinks(request.originalUrl, page))
    response.json({ leads: page.rows, next: page.next ?? null, previous: page.previous ?? null })
  })
  return routes
}
