import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readProjectFile, root, workspaceFolders } from './workspace.mjs'

/** Entries of `exports` and `bin` whose files are not there, in every condition. */
export function checkExports() {
  const problems = []
  for (const folder of workspaceFolders()) {
    const manifest = JSON.parse(readProjectFile(`${folder}/package.json`))
    for (const target of targets({ ...manifest.exports, ...manifest.bin })) {
      if (!existsSync(join(root, folder, target))) problems.push(`${folder}/package.json names ${target}, which is not there`)
    }
    if (manifest.version !== JSON.parse(readProjectFile('package.json')).version)
      problems.push(`${folder} is at version ${manifest.version}: versions move in lockstep`)
  }
  return problems
}

function targets(entry) {
  if (typeof entry === 'string') return [entry]
  return Object.values(entry ?? {}).flatMap(targets)
}
