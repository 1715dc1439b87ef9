import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '@holdfast/dev-services'

/** Global set-up of all tests: what they and their children write into the folder for temporary files goes with the run, also what is left by those that a test kills. A second
 *  project of the run uses the folder of the first one. Where the packages of the services are kept in that folder too, it stays as it is, for they would be fetched anew. */
// biome-ignore lint/style/noDefaultExport: vitest calls the default export of a global set-up.
export default function giveTemporaryFolder(): () => void {
  const given = process.env.TMPDIR
  if (process.env.HOLDFAST_TEST_TMPDIR !== undefined || cacheFolder().startsWith(tmpdir())) return () => undefined
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-run-'))
  // Servers run as another account when the tests run as root.
  chmodSync(folder, 0o755)
  process.env.HOLDFAST_TEST_TMPDIR = folder
  process.env.TMPDIR = folder
  return () => {
    delete process.env.HOLDFAST_TEST_TMPDIR
    if (given === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = given
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
