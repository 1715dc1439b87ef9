import { type LuaScript, luaScript } from '../../core/index.ts'

/** As `decideRate`, on the Redis server's clock. KEYS: limit. ARGV: interval in us, burst, cost. Returns the time from now until the theoretical arrival time,
 *  in us, and 1 when the request may go on. The key ends by itself when nothing is owed. O(1). Redis 6.2. */
export const RATE: LuaScript = luaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local nextTat = tat + interval * cost
if nextTat - interval * burst > now then return {tat - now, 0} end
redis.call('SET', KEYS[1], string.format('%.0f', nextTat), 'PX', math.max(1, math.ceil((nextTat - now) / 1000)))
return {nextTat - now, 1}
`)
