// Writes docs/reference/errors.md from the tables: node scripts/render-error-page.mjs
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readErrorTables } from './error-tables.mjs'
import { root } from './workspace.mjs'

/** The page as Markdown. */
export function renderErrorPage(rows) {
  const lines = [
    '# Error codes',
    '',
    'Every error of Holdfast is a `HoldfastError` with a `code`, a `message` that says what and where, a `hint` that says the next step, and',
    '`retryable`. Match on the code. This page is generated from the tables in the sources (`node scripts/render-error-page.mjs`).',
    '',
    '| code | what went wrong | next step | retryable |',
    '|---|---|---|---|',
    ...rows.map(row => `| \`${row.code}\` | ${cell(row.summary)} | ${cell(row.hint)} | ${row.retryable ? 'yes' : 'no'} |`),
    '',
  ]
  return lines.join('\n')
}

function cell(text) {
  return text.replaceAll('|', '\\|')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, 'docs/reference'), { recursive: true })
  writeFileSync(join(root, 'docs/reference/errors.md'), renderErrorPage(await readErrorTables()))
}
