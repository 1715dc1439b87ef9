// `npm test`: builds, checks, then every test on real PostgreSQL, real Redis and real Chromium. Nothing is skipped: what cannot be had fails the run with exit code 3.
// Arguments are passed on to vitest: npm test -- packages/load
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { build } from './build.mjs'
import { root } from './workspace.mjs'

const selection = process.argv.slice(2)
const folder = join(root, '.tsc')
/** Files that fail are run once more, alone and with services of their own, when they are no more than this: then the machine was at fault or a race is
 *  rare, and the run says which test it was. More than these have one cause. */
const SECOND_CHANCE_FILES = 3
/** Services that the caller names are one set, which two tests at a time would share. */
const servicesAreGiven = process.env.DATABASE_URL !== undefined || process.env.REDIS_URL !== undefined
const lanes = servicesAreGiven || selection.length > 0 ? 1 : Math.min(2, availableParallelism())

build()
if (selection.length === 0) step('npm run check', process.execPath, [join(root, 'scripts/check.mjs')])
step('Chromium for the page tests', process.execPath, [join(root, 'scripts/ensure-chromium.mjs')])

mkdirSync(folder, { recursive: true })
const first = run('test-results.json', selection, lanes)
const failed = first.files.filter(({ status }) => status !== 'passed')
if (first.status === 0 || selection.length > 0 || failed.length === 0 || failed.length > SECOND_CHANCE_FILES) finish(first.status, first.files)
else {
  process.stdout.write(`\n${failed.length} of ${first.files.length} files failed and run once more\n`)
  const names = failed.map(({ name }) => relative(root, name))
  const second = run('test-results-again.json', names, 1)
  for (const { name, assertionResults } of failed) {
    if (!second.files.some(again => again.name === name && again.status === 'passed')) continue
    for (const test of assertionResults.filter(({ status }) => status === 'failed')) {
      const why = test.failureMessages[0]?.split('\n')[0] ?? 'no message'
      process.stdout.write(
        `UNSTEADY ${relative(root, name)} > ${test.fullName}: failed once (${why}), passed when run again. That is a defect: find its cause.\n`,
      )
    }
  }
  finish(second.status, [...first.files.filter(file => !failed.includes(file)), ...second.files])
}

/** Runs vitest on these files, or all, in so many lanes; what became of each file. */
function run(resultName, files, lanes) {
  const resultFile = join(folder, resultName)
  rmSync(resultFile, { force: true })
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`, ...files],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, HOLDFAST_TEST_LANES: String(lanes) },
    },
  )
  return { status: status ?? 1, files: existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, 'utf8')).testResults : [] }
}

function step(what, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  process.stderr.write(`✗ ${what} failed\n`)
  process.exit(status ?? 1)
}

/** Counts for the last line; a run in which something was skipped, or nothing ran, has failed. */
function finish(status, files) {
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const count = (...states) => tests.filter(test => states.includes(test.status)).length
  const [passed, failures] = [count('passed'), count('failed')]
  const skipped = tests.length - passed - failures
  process.stdout.write(`${passed} passed, ${failures} failed, ${skipped} skipped\n`)
  process.exitCode = status === 0 && (skipped > 0 || passed === 0 || failures > 0) ? 1 : status
}
