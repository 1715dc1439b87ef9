import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** The first executable file called `name` in the folders of `env.PATH`, then in `further`; undefined when there is none. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv, further: readonly string[] = []): string | undefined {
  for (const folder of [...(env.PATH ?? '').split(delimiter), ...further]) {
    // A relative entry would make the answer depend on where one stands.
    if (!isAbsolute(folder)) continue
    const candidate = join(folder, name)
    if (isExecutableFile(candidate)) return candidate
  }
  return undefined
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
