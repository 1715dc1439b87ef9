// What the scripts know of the workspace: its root, its packages, its files.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Absolute path of the repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Folders of all workspaces, relative to the root. */
export function workspaceFolders() {
  return ['packages', 'examples'].flatMap(folder =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter(entry => entry.isDirectory() && existsSync(join(root, folder, entry.name, 'package.json')))
      .map(entry => `${folder}/${entry.name}`),
  )
}

/** Files that git tracks or would track, relative to the root, whose path passes `accept`. */
export function projectFiles(accept) {
  const { stdout, status } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error('git ls-files failed: run the checks in a clone')
  return stdout.split('\n').filter(path => path !== '' && existsSync(join(root, path)) && accept(path))
}

/** Text of a file by its path relative to the root. */
export function readProjectFile(path) {
  return readFileSync(join(root, path), 'utf8')
}
