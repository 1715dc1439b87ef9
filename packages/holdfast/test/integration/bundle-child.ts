import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

/** A deliberate mistake: in the source file whose path ends so, the text that must be there once is replaced. */
export interface SourceChange {
  readonly file: string
  readonly text: string
  readonly by: string
}

const bundles = new Map<string, Promise<string>>()

/** Node 20 runs no TypeScript, so a child is bundled once for each run, to an ignored folder from which its packages can be found. Returns the file. */
export function bundleChild(source: URL, changes: readonly SourceChange[] = []): Promise<string> {
  const id = `${source.href} ${JSON.stringify(changes)}`
  const known = bundles.get(id)
  if (known !== undefined) return known
  const made = bundle(source, changes, createHash('sha1').update(id).digest('hex').slice(0, 8))
  bundles.set(id, made)
  return made
}

async function bundle(source: URL, changes: readonly SourceChange[], name: string): Promise<string> {
  const folder = fileURLToPath(new URL('../../.tsc/children/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${basename(source.pathname, '.ts')}-${name}.mjs`)
  const left = new Set(changes)
  const mistakes = {
    name: 'mistakes',
    transform(code: string, path: string): string | undefined {
      const here = changes.filter(change => path.endsWith(change.file))
      if (here.length === 0) return undefined
      let changed = code
      for (const change of here) {
        if (changed.split(change.text).length !== 2) throw new Error(`${change.file} does not hold once: ${change.text}`)
        changed = changed.replace(change.text, () => change.by)
        left.delete(change)
      }
      return changed
    },
  }
  const build = await rolldown({ input: fileURLToPath(source), platform: 'node', external: [/^[^./]/], plugins: [mistakes] })
  await build.write({ file, format: 'esm', codeSplitting: false })
  await build.close()
  if (left.size > 0) throw new Error(`not in the bundle: ${[...left].map(change => change.file)}`)
  return file
}
