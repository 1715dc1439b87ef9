import { readRows } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { quoteIdent } from '../advisor/identifier.ts'
import { migrateOwnSchema } from '../migrations/migrate.ts'
import { UNUSABLE_OWN_TABLES } from './sql/own-tables.sql.ts'
import type { UpkeepSession } from './upkeep-session.ts'

/** Brings schema `holdfast` up to date and makes sure that this role may write the tables in it that are needed. 3 round trips when all is well.
 *  @throws HF_PG_NOT_ALLOWED with the grant, and what a migration throws */
export async function openOwnTables({ client, role }: UpkeepSession, tables: readonly string[]): Promise<void> {
  await migrateOwnSchema(client)
  const unusable = await readRows<{ name: string }>(client, UNUSABLE_OWN_TABLES, [tables])
  if (unusable.length === 0) return
  const grant = `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA holdfast TO ${quoteIdent(role)}`
  const names = unusable.map(({ name }) => `holdfast.${name}`).join(', ')
  throw advisorErrors.create('HF_PG_NOT_ALLOWED', `role ${quoteIdent(role)} may not write ${names}: ${grant}`, {
    hint: grant,
    context: { role, grant },
  })
}
