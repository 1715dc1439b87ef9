import { quoteIdent } from '../advisor/identifier.ts'
import { INDEX_WATCH_SCHEMA } from '../advisor/sql/index-watch.sql.ts'
import { LEDGER_SCHEMA } from '../advisor/sql/ledger-schema.sql.ts'
import { ARCHIVE_SCHEMA } from '../archive/sql/archive-schema.sql.ts'
import { SIZE_HISTORY_SCHEMA } from '../facts/sql/size-history.sql.ts'
import { CDN_PURGE_SCHEMA } from '../sql/cdn-purge-schema.sql.ts'
import { JOBS_SCHEMA } from '../sql/jobs-schema.sql.ts'
import { CREATE_OUTBOX } from '../sql/outbox-schema.sql.ts'
import { VIEW_LOG_SCHEMA } from '../views/sql/view-log-schema.sql.ts'
import { checksumOf, type Migration } from './migration.ts'
import { CREATE_MIGRATION_TABLE, CREATE_OWN_SCHEMA } from './sql/migration-state.sql.ts'

/** Everything that Holdfast keeps in a database, in the order in which it came to be. */
export const OWN_MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'ledger', tables: ['finding', 'audit_log'], statements: LEDGER_SCHEMA },
  { version: 2, name: 'outbox', tables: ['invalidation'], statements: [CREATE_OUTBOX] },
  { version: 3, name: 'sizes', tables: ['size_history'], statements: SIZE_HISTORY_SCHEMA },
  { version: 4, name: 'archive', tables: ['archive_run'], statements: ARCHIVE_SCHEMA },
  { version: 5, name: 'views', tables: ['view_refresh'], statements: VIEW_LOG_SCHEMA },
  { version: 6, name: 'index-watch', tables: ['index_watch'], statements: [INDEX_WATCH_SCHEMA] },
  { version: 7, name: 'cdn', tables: ['cdn_purge', 'cdn_bucket'], statements: CDN_PURGE_SCHEMA },
  { version: 8, name: 'jobs', tables: ['job_outbox', 'job_fence'], statements: JOBS_SCHEMA },
]

/** Schema `holdfast` as SQL, for a role that may create it when the service's may not: what a migration would run, with its records.
 *  `role`: who is then given the rights to use it; absent: nobody. Running it twice does no harm. */
export function ownSchemaSql(role?: string): string {
  const records = OWN_MIGRATIONS.map(migration => `(${migration.version}, '${migration.name}', '${checksumOf(migration)}')`)
  const statements = [
    'BEGIN',
    CREATE_OWN_SCHEMA,
    CREATE_MIGRATION_TABLE,
    ...OWN_MIGRATIONS.flatMap(migration => migration.statements),
    `INSERT INTO holdfast.migration (version, name, checksum) VALUES\n  ${records.join(',\n  ')}\nON CONFLICT DO NOTHING`,
    ...(role === undefined ? [] : grants(quoteIdent(role))),
    'COMMIT',
  ]
  return `${statements.join(';\n')};\n`
}

function grants(role: string): string[] {
  return [`GRANT USAGE ON SCHEMA holdfast TO ${role}`, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA holdfast TO ${role}`]
}
