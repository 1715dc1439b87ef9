import { Router } from 'express'
import type { Database } from '../database.ts'
import { readInput } from '../input.ts'
import { ENTITY_TYPES } from '../lead-values.ts'
import { Problem } from '../problem.ts'

interface StoredEvent {
  readonly id: number
  readonly entityType: string
  readonly entityId: number
  readonly type: string
  readonly source: string
  readonly occurredAt: Date
}

const WORD = /^[a-z][a-z0-9_.-]{0,39}$/

/** `POST /events`: notes that something happened to a lead, an agent or a carrier. */
export function eventRoutes(db: Database): Router {
  const routes = Router()
  routes.post('/events', async (request, response) => {
    const input = readInput('body', request.body)
    const entityType = input.oneOf('entityType', ENTITY_TYPES)
    const entityId = input.integer('entityId')
    const type = input.matching('type', WORD, 'a word of 1 to 40 lower-case letters, digits, _ . or -')
    const source = input.matchingOr('source', WORD, 'a word of 1 to 40 lower-case letters, digits, _ . or -', 'app')
    input.done()
    const event = await db.transaction(async tx => {
      // The entity may be of three tables, so no foreign key can watch over it.
      const { rows } = await tx.query<StoredEvent>(
        `insert into event (entity_type, entity_id, type, source)
         select $1, $2, $3, $4 where exists (select from ${entityType} where id = $2)
         returning id, entity_type as "entityType", entity_id as "entityId", type, source, occurred_at as "occurredAt"`,
        [entityType, entityId, type, source],
      )
      tx.invalidate(`${entityType}:${entityId}`)
      return rows[0]
    })
    if (event === undefined) throw new Problem(404, `there is no ${entityType} ${entityId}`)
    response.status(201).json(event)
  })
  return routes
}
