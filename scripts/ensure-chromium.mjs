// Finds a Chromium for the page tests, installs Debian's when there is none, and prints its path on stdout and what it did on stderr.
// CHROMIUM_PATH names another one. Exit code 3 when none can be had.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

const KNOWN_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const INSTALL_LIMIT_MS = 300_000

const named = process.env.CHROMIUM_PATH
if (named !== undefined && !isExecutable(named)) refuse(`CHROMIUM_PATH is ${named}, which is not an executable file`)

const found = named ?? find() ?? install()
const { status, stdout } = spawnSync(found, ['--version'], { encoding: 'utf8', timeout: 30_000 })
if (status !== 0) refuse(`${found} does not start`)
process.stderr.write(`✓ ${stdout.trim()} (${found})\n`)
process.stdout.write(`${found}\n`)

function find() {
  return KNOWN_PATHS.find(isExecutable)
}

function install() {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (run([...asRoot, 'apt-get', '--version']) !== 0) refuse('no Chromium here, and no right to install one by apt-get')
  process.stderr.write('installing Debian’s chromium by apt-get …\n')
  const packages = [...asRoot, 'apt-get', 'install', '-y', '--no-install-recommends', 'chromium']
  if (run(packages) !== 0) {
    // The package lists of a fresh machine or container are often empty.
    run([...asRoot, 'apt-get', 'update'])
    run(packages)
  }
  return find() ?? refuse('apt-get could not install chromium')
}

function run([command, ...args]) {
  return spawnSync(command, args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'ignore', timeout: INSTALL_LIMIT_MS }).status
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function refuse(why) {
  process.stderr.write(`✗ ${why}\n  next: install Chromium or Chrome and set CHROMIUM_PATH to its executable\n`)
  process.exit(3)
}
