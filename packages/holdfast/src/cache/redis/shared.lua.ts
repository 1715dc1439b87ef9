import { type LuaScript, luaScript } from '../../core/index.ts'

/** Counts. KEYS: counter. ARGV: by, ttl ms. Returns the new count. The ttl is set when the counter has none, thus once. O(1). Redis 6.2. */
export const INCREMENT: LuaScript = luaScript(`
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return count
`)

/** Takes a lock. KEYS: lock. ARGV: token, ttl ms. Returns 0 when it is taken, else the milliseconds until the holder's time ends, at least 1.
 *  The same token again takes it again, so a resent command is harmless. O(1). Redis 6.2. */
export const LOCK: LuaScript = luaScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return math.max(1, redis.call('PTTL', KEYS[1])) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
`)
