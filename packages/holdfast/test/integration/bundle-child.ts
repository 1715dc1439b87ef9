import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const bundles = new Map<string, Promise<string>>()

/** Node 20 runs no TypeScript, so a child is bundled once for each run, to an ignored folder from which its packages can be found. Returns the file. */
export function bundleChild(source: URL): Promise<string> {
  const known = bundles.get(source.href)
  if (known !== undefined) return known
  const made = (async () => {
    const folder = fileURLToPath(new URL('../../.tsc/children/', import.meta.url))
    mkdirSync(folder, { recursive: true })
    const file = join(folder, basename(source.pathname).replace(/\.ts$/, '.mjs'))
    const build = await rolldown({ input: fileURLToPath(source), platform: 'node', external: [/^[^./]/] })
    await build.write({ file, format: 'esm', codeSplitting: false })
    await build.close()
    return file
  })()
  bundles.set(source.href, made)
  return made
}
