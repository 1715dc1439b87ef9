import { readErrorTables } from './error-tables.mjs'
import { renderErrorPage } from './render-error-page.mjs'
import { projectFiles, readProjectFile } from './workspace.mjs'

/** Codes that stand twice, that no test names, that the sources use but no table has, and a page of the docs that is out of date. */
export async function checkErrors() {
  const rows = await readErrorTables()
  const problems = []
  const seen = new Map()
  for (const { code, source } of rows) {
    if (seen.has(code)) problems.push(`${code} is defined in ${seen.get(code)} and in ${source}: one table must own it`)
    seen.set(code, source)
  }
  const tests = projectFiles(path => /\/test\/.*\.test\.ts$/.test(path))
    .map(readProjectFile)
    .join('\n')
  for (const { code, source } of rows) if (!tests.includes(code)) problems.push(`${code} (${source}) is raised by no test`)
  const sources = projectFiles(path => /^(packages|examples)\/[^/]+\/src\/.*\.ts$/.test(path))
    .map(readProjectFile)
    .join('\n')
  for (const [code] of sources.matchAll(/\bHF_(?:CONFIG|CACHE|PG|REDIS|HTTP|JOBS|LOAD|PLAN|CONSOLE|CLI|BUG)_[A-Z_]+[A-Z]\b/g)) {
    if (!seen.has(code)) problems.push(`${code} is used in the sources and defined in no errors.ts`)
    seen.set(code, 'use')
  }
  if (readPage() !== renderErrorPage(rows)) problems.push('docs/reference/errors.md is out of date: node scripts/render-error-page.mjs')
  return problems
}

function readPage() {
  try {
    return readProjectFile('docs/reference/errors.md')
  } catch {
    return undefined
  }
}
