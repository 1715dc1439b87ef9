import { type HoldfastError, isHoldfastError } from '../../core/index.ts'
import { messageOf, type Row } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { quoteIdent } from '../advisor/identifier.ts'
import { sqlstateOf } from '../sqlstate.ts'
import { migrationErrors } from './errors.ts'
import { checksumOf, type Migration } from './migration.ts'
import { OWN_MIGRATIONS, ownSchemaSql } from './own-schema.ts'
import {
  APPLIED_MIGRATIONS,
  type AppliedMigrationRow,
  BEGIN_MIGRATION,
  CREATE_MIGRATION_TABLE,
  CREATE_OWN_SCHEMA,
  LOCK_MIGRATION,
  MIGRATION_STATE,
  type MigrationStateRow,
  RECORD_MIGRATIONS,
} from './sql/migration-state.sql.ts'

/** The part of a connection that the migrations call; outside of a transaction. */
export interface MigrationClient {
  query(text: string, values?: unknown[]): Promise<{ rows: readonly Row[] }>
}

/** Brings schema `holdfast` up to date: all of it or nothing, in one transaction under an advisory lock. Returns what was applied now, mostly nothing.
 *  2 round trips when there is nothing to do. Other errors of the connection pass through.
 *  @throws HF_PG_NOT_ALLOWED with the grant, and with the SQL for another role in `context.sql`
 *  @throws HF_PG_SCHEMA_TAMPERED, HF_PG_SCHEMA_NEWER, HF_PG_MIGRATION_BUSY, HF_PG_MIGRATION_FAILED, HF_PG_READ_ONLY */
export async function migrateOwnSchema(client: MigrationClient, migrations: readonly Migration[] = OWN_MIGRATIONS): Promise<readonly Migration[]> {
  const found = await readState(client)
  if (planOf(found, migrations).toRun.length === 0) return []
  await client.query(BEGIN_MIGRATION)
  try {
    const applied = await applyPending(client, migrations)
    await client.query('COMMIT')
    return applied
  } catch (error) {
    // The first error is the one to hear of; a broken connection has nothing to roll back.
    await client.query('ROLLBACK').catch(() => undefined)
    throw explain(error, found)
  }
}

/** The same inside a transaction of the caller's, which is to be rolled back when this rejects; what the server refuses is then the driver's error.
 *  @throws HF_PG_NOT_ALLOWED, HF_PG_SCHEMA_TAMPERED, HF_PG_SCHEMA_NEWER */
export async function migrateInTransaction(client: MigrationClient): Promise<readonly Migration[]> {
  const found = await readState(client)
  return planOf(found, OWN_MIGRATIONS).toRun.length === 0 ? [] : applyPending(client, OWN_MIGRATIONS)
}

/** True when the schema cannot be had with the rights of this role on this server, so that whoever can do without it should. */
export function isSchemaRefused(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && (error.code === 'HF_PG_NOT_ALLOWED' || error.code === 'HF_PG_READ_ONLY')
}

interface SchemaState extends MigrationStateRow {
  readonly applied: readonly AppliedMigrationRow[]
}

async function readState(client: MigrationClient): Promise<SchemaState> {
  const { rows } = await client.query(MIGRATION_STATE)
  const state = rows[0] as unknown as MigrationStateRow
  if (!state.hasTable) return { ...state, applied: [] }
  if (!state.mayRead) throw notAllowed(state, 'may not read holdfast.migration', `${onSchema('USAGE', state)}; ${onTables('SELECT', state)}`)
  const applied = await client.query(APPLIED_MIGRATIONS)
  return { ...state, applied: applied.rows as unknown as AppliedMigrationRow[] }
}

/** @throws HF_PG_SCHEMA_TAMPERED, HF_PG_SCHEMA_NEWER */
function pendingOf(applied: readonly AppliedMigrationRow[], migrations: readonly Migration[]): readonly Migration[] {
  for (const [at, row] of applied.entries()) {
    const known = migrations[at]
    if (known === undefined) {
      throw migrationErrors.create(
        'HF_PG_SCHEMA_NEWER',
        `schema holdfast is at version ${applied.at(-1)!.version}, this process knows ${migrations.length}`,
        {
          context: { version: applied.at(-1)!.version, known: migrations.length },
        },
      )
    }
    if (row.version !== known.version || row.name !== known.name || row.checksum !== checksumOf(known)) {
      throw migrationErrors.create(
        'HF_PG_SCHEMA_TAMPERED',
        `holdfast.migration holds ${row.version} ${row.name} with another checksum than ${known.version} ${known.name} has`,
        {
          context: { version: row.version, name: row.name, checksum: row.checksum, expected: checksumOf(known) },
        },
      )
    }
  }
  return migrations.slice(applied.length)
}

/** `pending`: not recorded. `toRun`: those, and the ones whose tables somebody dropped. @throws HF_PG_SCHEMA_TAMPERED, HF_PG_SCHEMA_NEWER */
function planOf({ applied, tables }: SchemaState, migrations: readonly Migration[]): { pending: readonly Migration[]; toRun: readonly Migration[] } {
  const pending = pendingOf(applied, migrations)
  const isWhole = (migration: Migration): boolean => migration.tables.every(table => tables.includes(table))
  return { pending, toRun: migrations.filter(migration => pending.includes(migration) || !isWhole(migration)) }
}

async function applyPending(client: MigrationClient, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  await client.query(LOCK_MIGRATION)
  // Again: whoever held the lock may have done it.
  const state = await readState(client)
  const { pending, toRun } = planOf(state, migrations)
  if (toRun.length === 0) return []
  const statements = [...(state.hasSchema ? [] : [CREATE_OWN_SCHEMA]), CREATE_MIGRATION_TABLE, ...toRun.flatMap(migration => migration.statements)]
  for (const statement of statements) await client.query(statement)
  await client.query(RECORD_MIGRATIONS, [pending.map(one => one.version), pending.map(one => one.name), pending.map(checksumOf)])
  return pending
}

function explain(error: unknown, state: SchemaState): unknown {
  if (isHoldfastError(error)) return error
  switch (sqlstateOf(error)) {
    case '42501':
      return notAllowed(
        state,
        'may not create schema holdfast and its tables',
        state.hasSchema ? onSchema('USAGE, CREATE', state) : onDatabase(state),
      )
    case '25006':
      return migrationErrors.create('HF_PG_READ_ONLY', `database ${state.database} accepts no writes here`, { cause: error })
    case '55P03':
      return migrationErrors.create('HF_PG_MIGRATION_BUSY', `the lock for schema holdfast of database ${state.database} was not free within 5 s`, {
        cause: error,
      })
    case undefined:
      return error
    default:
      return migrationErrors.create('HF_PG_MIGRATION_FAILED', `schema holdfast of database ${state.database}: ${messageOf(error)}`, { cause: error })
  }
}

function notAllowed({ role }: MigrationStateRow, what: string, grant: string): HoldfastError {
  return advisorErrors.create('HF_PG_NOT_ALLOWED', `role ${quoteIdent(role)} ${what}: ${grant}`, {
    hint: `${grant}; or have a role that may run what \`holdfast db schema --role ${quoteIdent(role)}\` prints`,
    context: { role, grant, sql: ownSchemaSql(role) },
  })
}

function onDatabase({ database, role }: MigrationStateRow): string {
  return `GRANT CREATE ON DATABASE ${quoteIdent(database)} TO ${quoteIdent(role)}`
}

function onSchema(rights: string, { role }: MigrationStateRow): string {
  return `GRANT ${rights} ON SCHEMA holdfast TO ${quoteIdent(role)}`
}

function onTables(rights: string, { role }: MigrationStateRow): string {
  return `GRANT ${rights} ON ALL TABLES IN SCHEMA holdfast TO ${quoteIdent(role)}`
}
