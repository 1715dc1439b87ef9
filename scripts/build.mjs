// Compiles the packages and builds the console's page, only where a source is newer than the last build.
// As a program: node scripts/build.mjs [--force]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = name => join(root, 'node_modules', '.bin', name)
const stamps = join(root, '.tsc')

/** What runs; it brings its references along. Tests are compiled by the checks. */
const PACKAGES = ['packages/cli', 'packages/testkit', 'packages/holdfast/src/worker', 'examples/leads']

/** Builds what is out of date. Talk goes to stderr, because stdout belongs to the command that is being started. */
export function build({ force = false } = {}) {
  const code = ['packages', 'examples'].flatMap(folder => workspaces(folder).map(name => join(folder, name)))
  const compileInputs = [...code.flatMap(folder => [join(folder, 'src'), join(folder, 'package.json')]), 'tsconfig.base.json', 'tsconfig.json']
  const webInputs = ['packages/console/web', 'packages/console/vite.config.ts', 'packages/console/src/api/contract.ts']
  step(
    'compiling',
    'compile',
    compileInputs,
    force || !existsSync(join(root, 'packages/cli/dist/command-line.js')),
    bin('tsc'),
    ['-b', ...PACKAGES],
    root,
  )
  const page = 'packages/console/dist/web/index.html'
  step(
    'building the page',
    'web',
    webInputs,
    force || !existsSync(join(root, page)),
    bin('vite'),
    ['build', '--logLevel', 'warn'],
    join(root, 'packages/console'),
  )
}

function step(what, stampName, inputs, force, command, args, cwd) {
  const stamp = join(stamps, `${stampName}.stamp`)
  const startedAtMs = Date.now()
  if (!force && existsSync(stamp) && newestMs(inputs) <= statSync(stamp).mtimeMs) return
  process.stderr.write(`${what} …`)
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) {
    process.stderr.write(`\n${stdout}${stderr}${error ?? ''}\n`)
    if (error?.code === 'ENOENT') process.stderr.write('next: npm install\n')
    process.exit(2)
  }
  process.stderr.write(` ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s\n`)
  mkdirSync(stamps, { recursive: true })
  writeFileSync(stamp, '')
  // The time of the start: what was saved during the build is newer than what was built.
  utimesSync(stamp, startedAtMs / 1000, startedAtMs / 1000)
}

function workspaces(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
}

function newestMs(paths) {
  let newest = 0
  for (const path of paths) {
    const full = join(root, path)
    if (!existsSync(full)) continue
    const stat = statSync(full)
    newest = Math.max(newest, stat.mtimeMs)
    if (!stat.isDirectory()) continue
    for (const entry of readdirSync(full, { recursive: true, withFileTypes: true })) {
      newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs)
    }
  }
  return newest
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build({ force: process.argv.includes('--force') })
