// Reads every errors.ts in the packages, as built.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectFiles, root } from './workspace.mjs'

/** All codes: `{ code, summary, hint, retryable, source }`, sorted. @throws when a table was not built */
export async function readErrorTables() {
  const rows = []
  for (const source of projectFiles(path => /^packages\/.*\/src\/(.*\/)?errors\.ts$/.test(path))) {
    const built = join(root, source.replace('/src/', '/dist/').replace(/\.ts$/, '.js'))
    if (!existsSync(built)) throw new Error(`${source} is not built: node scripts/build.mjs`)
    const module = await import(pathToFileURL(built).href)
    for (const value of Object.values(module)) {
      const definitions = value?.definitions ?? (isTable(value) ? value : undefined)
      for (const [code, definition] of Object.entries(definitions ?? {})) rows.push({ code, source, ...definition })
    }
  }
  return rows.sort((a, b) => a.code.localeCompare(b.code))
}

/** dev-services imports nothing of Holdfast, so its table is a plain record. */
function isTable(value) {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0 && Object.keys(value).every(key => key.startsWith('HF_'))
}
