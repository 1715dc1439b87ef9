// `npm test`: builds, checks, then every test on real PostgreSQL, real Redis and real Chromium. Nothing is skipped: what cannot be had fails the run with exit code 3.
// Arguments are passed on to vitest: npm test -- packages/load
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './workspace.mjs'

const selection = process.argv.slice(2)
const resultFile = join(root, '.tsc', 'test-results.json')

build()
if (selection.length === 0) step('npm run check', process.execPath, [join(root, 'scripts/check.mjs')])
step('Chromium for the page tests', process.execPath, [join(root, 'scripts/ensure-chromium.mjs')])

mkdirSync(join(root, '.tsc'), { recursive: true })
rmSync(resultFile, { force: true })
const vitest = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`, ...selection],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = verdict(vitest.status ?? 1)

function step(what, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  process.stderr.write(`✗ ${what} failed\n`)
  process.exit(status ?? 1)
}

/** Counts for the last line; a run in which something was skipped, or nothing ran, has failed. */
function verdict(status) {
  if (!existsSync(resultFile)) return status === 0 ? 1 : status
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(resultFile, 'utf8'))
  const skipped = numPendingTests + numTodoTests
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${skipped} skipped\n`)
  if (status === 0 && (skipped > 0 || numPassedTests === 0)) return 1
  return status
}
