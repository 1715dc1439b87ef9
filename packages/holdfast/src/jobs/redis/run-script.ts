import type { LuaScript } from '../../core/index.ts'
import type { JobsRedisClient } from './port.ts'

/** Runs a script; sends its text only when Redis does not know it. 1 round trip, 2 the first time. */
export async function runScript(
  client: JobsRedisClient,
  { source, sha1 }: LuaScript,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args]
  try {
    return await client.call('evalsha', sha1, ...rest)
  } catch (error) {
    if (!/^NOSCRIPT/.test((error as Error).message)) throw error
    return client.call('eval', source, ...rest)
  }
}
