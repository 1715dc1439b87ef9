import { unobserved } from './own-statement.ts'
import { CREATE_OUTBOX, CREATE_SCHEMA, LOCK_OUTBOX, OUTBOX_LOCK, OUTBOX_STATE, type OutboxStateRow } from './sql/outbox-schema.sql.ts'
import { sqlstateOf } from './sqlstate.ts'
import type { UserClient } from './user-pool.ts'

/** Makes the outbox's table when it is not there. Returns why it cannot be used, or `undefined` when it can. 1 statement, or 6.
 *  Rejects with the driver's error when PostgreSQL fails; the connection is then to be destroyed. */
export async function openOutbox(client: UserClient): Promise<string | undefined> {
  const found = await readState(client)
  if (found.hasTable) return found.mayUse ? undefined : mayNot(found.role, 'write')
  await client.query(unobserved('BEGIN READ WRITE'))
  try {
    await client.query(unobserved(LOCK_OUTBOX), [OUTBOX_LOCK])
    if (!found.hasSchema) await client.query(unobserved(CREATE_SCHEMA))
    await client.query(unobserved(CREATE_OUTBOX))
    await client.query(unobserved('COMMIT'))
  } catch (error) {
    await client.query(unobserved('ROLLBACK'))
    // 42501 insufficient_privilege, 25006 read_only_sql_transaction: a standby.
    if (sqlstateOf(error) === '42501') return mayNot(found.role, 'create')
    if (sqlstateOf(error) === '25006') return 'this server accepts no writes'
    throw error
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
