import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { renderBenchTables } from './render-bench-tables.mjs'
import { readProjectFile, root } from './workspace.mjs'

/** A page of benches that says another thing than the results. */
export function checkBenchTables() {
  const isCurrent = existsSync(join(root, 'bench/README.md')) && readProjectFile('bench/README.md') === renderBenchTables()
  return isCurrent ? [] : ['bench/README.md is out of date: node scripts/render-bench-tables.mjs']
}
