import { describe, expect, it } from 'vitest'
import { type Finding, MIGRATION_FORMATS, type MigrationFormat, migrationFiles } from '../../src/core/index.ts'

const CREATE = 'CREATE INDEX CONCURRENTLY "hf_lead_zip" ON public.lead (zip)'
const NOW_MS = Date.UTC(2026, 10, 21, 14, 3, 22)

function finding(sql: readonly string[], revertSql: readonly string[] = ['DROP INDEX CONCURRENTLY public."hf_lead_zip"'], title = 'slow'): Finding {
  const before = { sampleCount: 10, windowMs: 1000, meanMs: 5 }
  return {
    id: 'H-01',
    rule: 'pg/missing-index',
    state: 'open',
    title,
    savesMsPerSec: 1,
    evidence: { tier: 'measured', statement: 'select 1', before, shareOfTime: 0.5 },
    recommendation: { sql, revertSql, summary: 'Add it.', costNote: '1 MB', lockNote: 'none', risk: 'low' },
    history: [],
  }
}

const written = (sql: readonly string[], format: MigrationFormat) => migrationFiles(finding(sql), format, NOW_MS)
const statements = (text = ''): string[] => text.split('\n').filter(line => line !== '' && !line.startsWith('--'))

describe('a finding as a migration', () => {
  it('is one file of SQL that warns of the transaction and keeps the way back as a comment', () => {
    const [file, ...others] = written([CREATE], 'sql')
    expect(others).toEqual([])
    expect(file?.path).toBe('20261121140322_h_01_missing_index.sql')
    expect(file?.text).toContain('-- Run outside a transaction')
    expect(statements(file?.text)).toEqual([`${CREATE};`])
    expect(file?.text.trimEnd().endsWith('-- DROP INDEX CONCURRENTLY public."hf_lead_zip";')).toBe(true)
  })

  it('gives Prisma one statement a migration, in order, because it opens a transaction for more', () => {
    const files = written([CREATE, 'ANALYZE public.lead'], 'prisma')
    expect(files.map(({ path }) => path)).toEqual([
      '20261121140322_h_01_missing_index_1/migration.sql',
      '20261121140323_h_01_missing_index_2/migration.sql',
    ])
    expect(files.map(({ text }) => statements(text))).toEqual([[`${CREATE};`], ['ANALYZE public.lead;']])
  })

  it('gives Drizzle what can run inside its transaction and does nothing where it was applied before', () => {
    const [file] = written([CREATE, 'DROP INDEX CONCURRENTLY public.old', 'DROP INDEX CONCURRENTLY IF EXISTS public.older'], 'drizzle')
    expect(file?.text.split('--> statement-breakpoint').map(part => statements(part))).toEqual([
      ['CREATE INDEX IF NOT EXISTS "hf_lead_zip" ON public.lead (zip);'],
      ['DROP INDEX IF EXISTS public.old;'],
      ['DROP INDEX IF EXISTS public.older;'],
    ])
    expect(file?.text).toContain('holdfast apply H-01')
  })

  it('gives Kysely both ways, quoted as JavaScript', () => {
    const [file] = written([CREATE], 'kysely')
    expect(file?.path).toBe('20261121140322_h_01_missing_index.ts')
    expect(file?.text).toContain(`await sql.raw(${JSON.stringify(CREATE)}).execute(db)`)
    expect(file?.text.indexOf('DROP INDEX')).toBeGreaterThan(file!.text.indexOf('function down'))
    expect(file?.text).toContain('disableTransactions')
  })

  it('lets no line of a text from the database out of its comment', () => {
    for (const format of MIGRATION_FORMATS) {
      const [file] = migrationFiles(finding([CREATE], [], 'first line\nDROP TABLE lead'), format, NOW_MS)
      expect(file?.text).toMatch(/^(--|\/\/) DROP TABLE lead$/m)
    }
  })

  it('leaves out what is done once and changes no schema', () => {
    for (const format of MIGRATION_FORMATS) {
      expect(written(['SELECT pg_terminate_backend(7)', 'VACUUM (ANALYZE) public.lead', "SET LOCAL work_mem = '8MB'"], format)).toEqual([])
      const files = written(['CREATE STATISTICS s ON a, b FROM public.lead', 'SELECT pg_reload_conf()'], format)
      expect(files.map(({ text }) => text).join()).not.toContain('pg_reload_conf')
    }
  })

  it('is nothing when the change is one of the code', () => {
    for (const format of MIGRATION_FORMATS) expect(written([], format)).toEqual([])
  })
})
