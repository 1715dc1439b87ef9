import { Router } from 'express'
import type { Database } from '../database.ts'
import { readInput } from '../input.ts'
import { INSURANCE_TYPES, LEAD_SOURCES } from '../lead-values.ts'
import { Problem } from '../problem.ts'
import type { LeadWork } from '../work/lead-work.ts'

const NAME = /^\S.{0,79}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/
const PAST = 'a time in UTC that is over, such as 2026-11-01T00:00:00Z'

/** `POST /leads`: a lead comes in. Its score and its agent follow. */
export function newLeadRoutes(db: Database, work: LeadWork): Router {
  const routes = Router()
  routes.post('/leads', async (request, response) => {
    const input = readInput('body', request.body)
    const insuranceType = input.oneOf('insuranceType', INSURANCE_TYPES)
    const zipCode = input.matching('zipCode', /^\d{5}$/, 'five digits')
    const source = input.oneOf('source', LEAD_SOURCES)
    const contactName = input.matching('contactName', NAME, 'a name of 1 to 80 characters')
    // Partners hand over in the evening what came to them by day.
    const received = input.matchingOr('receivedAt', TIME, PAST, null)
    input.done()
    const receivedAt = received === null ? null : new Date(received)
    if (receivedAt !== null && !(receivedAt.getTime() <= Date.now()))
      throw new Problem(400, 'the request is not valid', [{ where: 'body.receivedAt', what: `must be ${PAST}` }])
    const id = await db.transaction(async tx => {
      const { rows } = await tx.query<{ id: number }>(
        `insert into lead (insurance_type, quality_score, zip_code, source, contact_name, created_at) values ($1, 0, $2, $3, $4, coalesce($5, now())) returning id`,
        [insuranceType, zipCode, source, contactName, receivedAt],
      )
      const leadId = rows[0]!.id
      tx.invalidate(`lead:${leadId}`)
      await work.came(tx, leadId)
      return leadId
    })
    response.status(201).location(`/leads/${id}`).json({ id })
  })
  return routes
}
