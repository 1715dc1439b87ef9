import { luaScript } from '../../core/index.ts'
import type { JobsRedisClient } from '../redis/port.ts'
import { runScript } from '../redis/run-script.ts'

/** KEYS 1: the job's hash. ARGV: how often it stalled. Returns 1 for the first that asks after that stall. O(1). */
const COUNT_STALL = luaScript(`
if tonumber(redis.call('HGET', KEYS[1], 'hfstalls') or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'hfstalls', ARGV[1])
return 1`)

/** True once for each stall of a job. 1 round trip. */
export async function countStall(redis: JobsRedisClient, jobKey: string, stalls: number): Promise<boolean> {
  return (await runScript(redis, COUNT_STALL, [jobKey], [stalls])) === 1
}
