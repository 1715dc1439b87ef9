// Removes everything that a build makes.
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
rmSync(join(root, '.tsc'), { recursive: true, force: true })
for (const folder of ['packages', 'examples']) {
  for (const name of readdirSync(join(root, folder))) {
    for (const made of ['dist', '.tsc']) rmSync(join(root, folder, name, made), { recursive: true, force: true })
  }
}
