import { expect, it } from 'vitest'
import { migrationFile } from '../../web/src/findings/migration-file.ts'
import { missingIndex } from '../fixtures/planted-advisor.ts'

it('names the migration by time and finding, warns of the transaction, and keeps the way back as a comment', () => {
  const { name, text } = migrationFile(missingIndex(0), Date.UTC(2026, 10, 21, 14, 3, 22))
  expect(name).toBe('20261121140322_h_01_missing_index.sql')
  expect(text).toContain('-- Run outside a transaction')
  const statements = text.split('\n').filter(line => line !== '' && !line.startsWith('--'))
  expect(statements).toEqual(['CREATE INDEX CONCURRENTLY lead_assignment_agent_id_status_idx ON lead_assignment (agent_id, status);'])
  expect(text.trimEnd().endsWith('-- DROP INDEX CONCURRENTLY lead_assignment_agent_id_status_idx;')).toBe(true)
})

it('lets no line of a text from the database out of its comment', () => {
  const finding = { ...missingIndex(0), title: 'first line\nDROP TABLE lead' }
  expect(migrationFile(finding, 0).text).toContain('\n-- DROP TABLE lead\n')
})
