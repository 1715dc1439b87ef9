import type { Finding } from 'holdfast/core'

/** A migration as a file: its name and its text. */
export interface MigrationFile {
  readonly name: string
  readonly text: string
}

/** The recommended change as a migration, with what undoes it as a comment. `nowMs` gives the file its place in the order of migrations (UTC). */
export function migrationFile(finding: Finding, nowMs: number): MigrationFile {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  const slug = `${finding.id}_${finding.rule.split('/').at(-1)}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  const { sql, revertSql, summary, costNote, lockNote } = finding.recommendation
  const concurrent = sql.some(statement => /\bconcurrently\b/i.test(statement))
  const comments = [
    `${finding.id} ${finding.rule}: ${finding.title}`,
    summary,
    `Cost: ${costNote}`,
    `Locks: ${lockNote}`,
    ...(concurrent ? ['Run outside a transaction: CREATE INDEX CONCURRENTLY refuses to run inside one.'] : []),
  ]
  return {
    name: `${stamp}_${slug}.sql`,
    text: [
      ...comments.map(comment),
      '',
      ...sql.map(terminated),
      '',
      '-- To undo:',
      ...revertSql.map(statement => comment(terminated(statement))),
      '',
    ].join('\n'),
  }
}

function comment(text: string): string {
  return text
    .split('\n')
    .map(line => `-- ${line}`)
    .join('\n')
}

function terminated(statement: string): string {
  return statement.trimEnd().endsWith(';') ? statement : `${statement};`
}
