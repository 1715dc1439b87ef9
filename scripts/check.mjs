// `npm run check`: everything that needs no service. Each check prints one line; the first words of a failure say what to do.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.mjs'
import { checkBenchTables } from './check-bench-tables.mjs'
import { checkDocsCode } from './check-docs-code.mjs'
import { checkErrors } from './check-errors.mjs'
import { checkExports } from './check-exports.mjs'
import { checkFileLength } from './check-file-length.mjs'
import { checkLinks } from './check-links.mjs'
import { checkMetrics } from './check-metrics.mjs'
import { root } from './workspace.mjs'

const bin = name => join(root, 'node_modules', '.bin', name)

const checks = [
  ['format and lint', () => command(bin('biome'), ['ci', '--colors=off'])],
  ['types', () => command(bin('tsc'), ['-b', '--pretty', 'false'])],
  ['no file over 400 lines', checkFileLength],
  ['error codes = docs, and each has a test', checkErrors],
  ['metrics = docs', checkMetrics],
  ['exports = built files', checkExports],
  ['bench tables = results', checkBenchTables],
  ['every TypeScript fence in the docs compiles', checkDocsCode],
  ['every link in the docs leads somewhere', checkLinks],
]

build()
let failed = 0
for (const [name, run] of checks) {
  const startedAtMs = Date.now()
  const problems = await run()
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1)
  process.stdout.write(`${problems.length === 0 ? '✓' : '✗'} ${name} (${seconds} s)\n`)
  for (const problem of problems) process.stdout.write(`  ${problem}\n`)
  if (problems.length > 0) failed++
}
process.stdout.write(`${checks.length - failed} of ${checks.length} checks passed\n`)
process.exitCode = failed === 0 ? 0 : 1

function command(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? [] : `${stdout}${stderr}`.trim().split('\n')
}
