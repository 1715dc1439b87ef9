import type { Finding } from './finding.ts'

/** Whose migrations are written: files of plain SQL, or those of a tool. */
export type MigrationFormat = 'sql' | 'prisma' | 'drizzle' | 'kysely'

/** All formats, the plain one first. */
export const MIGRATION_FORMATS: readonly MigrationFormat[] = ['sql', 'prisma', 'drizzle', 'kysely']

/** A file of a migration. */
export interface MigrationFile {
  /** Below the folder of the tool's migrations; may begin with a folder of its own. */
  readonly path: string
  readonly text: string
}

/** The change that a finding recommends as files for a migration tool, with what undoes it. None when the change is one of the code, of a setting or of a session. `nowMs` gives the files
 *  their place in the order of migrations (UTC).
 *
 *  CREATE INDEX CONCURRENTLY refuses to run inside a transaction. Prisma uses none for a migration of one statement, so each gets one of its own; Kysely
 *  uses none when its Migrator has `disableTransactions`; Drizzle always uses one, so its file makes the index only where it is not there yet.
 *  @source drizzle-orm 0.45 pg-core/dialect.js; kysely 0.28 MigratorProps */
export function migrationFiles(found: Finding, format: MigrationFormat, nowMs: number): readonly MigrationFile[] {
  const { recommendation } = found
  const sql = recommendation.sql.filter(belongsInMigration)
  if (sql.length === 0) return []
  const finding = { ...found, recommendation: { ...recommendation, sql, revertSql: recommendation.revertSql.filter(belongsInMigration) } }
  const slug = `${finding.id}_${finding.rule.split('/').at(-1)}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  const stampAt = (at: number): string => new Date(nowMs + 1000 * at).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  switch (format) {
    case 'sql':
      return [{ path: `${stampAt(0)}_${slug}.sql`, text: withComments(finding, sqlNotes(sql), sql.map(terminated)) }]
    case 'prisma':
      return sql.map((statement, at) => ({
        path: `${stampAt(at)}_${slug}${sql.length > 1 ? `_${at + 1}` : ''}/migration.sql`,
        text: withComments(finding, ['One statement a migration: Prisma then runs it without a transaction.'], [terminated(statement)]),
      }))
    case 'drizzle':
      return [
        {
          path: `${stampAt(0)}_${slug}.sql`,
          text: withComments(finding, drizzleNotes(finding), [sql.map(insideTransaction).join('--> statement-breakpoint\n')]),
        },
      ]
    case 'kysely':
      return [{ path: `${stampAt(0)}_${slug}.ts`, text: kyselyText(finding) }]
  }
}

function sqlNotes(sql: readonly string[]): string[] {
  return sql.some(isConcurrent) ? ['Run outside a transaction: CONCURRENTLY refuses to run inside one.'] : []
}

function drizzleNotes({ id, recommendation }: Finding): string[] {
  if (!recommendation.sql.some(isConcurrent)) return ['Put this text into the file that `drizzle-kit generate --custom` makes.']
  return [
    'Put this text into the file that `drizzle-kit generate --custom` makes. Drizzle runs migrations inside a transaction, where nothing can be done',
    `CONCURRENTLY and writers wait. On a database in use, run \`holdfast apply ${id}\` first; this then finds it done.`,
  ]
}

function kyselyText({ id, rule, title, recommendation }: Finding): string {
  const { sql, revertSql } = recommendation
  const body = (statements: readonly string[]): string[] => statements.map(statement => `  await sql.raw(${JSON.stringify(statement)}).execute(db)`)
  return [
    ...lines(`${id} ${rule}: ${title}`, '// '),
    ...(sql.some(isConcurrent) ? ['// Needs `disableTransactions: true` of the Migrator: CONCURRENTLY refuses to run inside a transaction.'] : []),
    "import { type Kysely, sql } from 'kysely'",
    '',
    'export async function up(db: Kysely<unknown>): Promise<void> {',
    ...body(sql),
    '}',
    '',
    'export async function down(db: Kysely<unknown>): Promise<void> {',
    ...body(revertSql),
    '}',
    '',
  ].join('\n')
}

function withComments({ id, rule, title, recommendation }: Finding, notes: readonly string[], statements: readonly string[]): string {
  const { summary, costNote, lockNote, revertSql } = recommendation
  const comments = [`${id} ${rule}: ${title}`, summary, `Cost: ${costNote}`, `Locks: ${lockNote}`, ...notes]
  return [
    ...comments.flatMap(text => lines(text, '-- ')),
    '',
    ...statements,
    '',
    ...(revertSql.length === 0 ? [] : ['-- To undo:', ...revertSql.flatMap(statement => lines(terminated(statement), '-- ')), '']),
  ].join('\n')
}

/** The same change where a transaction is open, and nothing where it was made before. */
function insideTransaction(statement: string): string {
  const plain = statement
    .replace(/^(\s*create\s+(?:unique\s+)?index)\s+concurrently\s+/i, '$1 IF NOT EXISTS ')
    .replace(/^(\s*drop\s+index)\s+concurrently\s+(?!if\b)/i, '$1 IF EXISTS ')
    .replace(/^(\s*drop\s+index)\s+concurrently\s+/i, '$1 ')
  return `${terminated(plain)}\n`
}

/** What changes the schema, and the ANALYZE that new statistics need; not what is done once, as VACUUM or ending a session. */
function belongsInMigration(statement: string): boolean {
  return /^\s*(create|drop|reindex|analyze|alter\s+(table|index|sequence))\b/i.test(statement)
}

function isConcurrent(statement: string): boolean {
  return /^\s*(create|drop|reindex)\b[^'"]*\bconcurrently\b/i.test(statement)
}

function lines(text: string, prefix: string): string[] {
  return text.split('\n').map(line => `${prefix}${line}`)
}

function terminated(statement: string): string {
  return statement.trimEnd().endsWith(';') ? statement : `${statement};`
}
