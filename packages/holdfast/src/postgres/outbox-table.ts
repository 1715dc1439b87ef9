import { isHoldfastError } from '../core/index.ts'
import { type MigrationClient, migrateOwnSchema } from './migrations/migrate.ts'
import { unobserved } from './own-statement.ts'
import { OUTBOX_STATE, type OutboxStateRow } from './sql/outbox-schema.sql.ts'
import type { UserClient } from './user-pool.ts'

/** Makes the outbox's table when it is not there. Returns why it cannot be used, or `undefined` when it can. 1 statement when it is there.
 *  Rejects with the driver's error when PostgreSQL fails; the connection is then to be destroyed. */
export async function openOutbox(client: UserClient): Promise<string | undefined> {
  const found = await readState(client)
  if (found.hasTable) return found.mayUse ? undefined : mayNot(found.role, 'write')
  const own: MigrationClient = { query: (text, values) => client.query(unobserved(text), values) }
  try {
    await migrateOwnSchema(own)
  } catch (error) {
    // One that another process holds up is asked for again soon.
    if (!isHoldfastError(error) || error.code === 'HF_PG_MIGRATION_BUSY') throw error
    if (error.code === 'HF_PG_NOT_ALLOWED') return mayNot(found.role, 'create')
    if (error.code === 'HF_PG_READ_ONLY') return 'this server accepts no writes'
    return error.message
  }
  const made = await readState(client)
  return made.mayUse ? undefined : mayNot(made.role, 'write')
}

async function readState(client: UserClient): Promise<OutboxStateRow> {
  const { rows } = await client.query(unobserved(OUTBOX_STATE))
  return rows[0] as unknown as OutboxStateRow
}

function mayNot(role: string, what: 'create' | 'write'): string {
  const grant = what === 'create' ? 'create it as another role and grant' : 'grant'
  return `role ${JSON.stringify(role)} may not ${what} table holdfast.invalidation; ${grant} it SELECT, INSERT, UPDATE and DELETE, or set postgres.outbox to false`
}
