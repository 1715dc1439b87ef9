import { type LuaScript, luaScript } from '../../core/index.ts'

/** Asks, after a miss, who loads. Reads the tags' versions before the loader runs, so that a tag invalidated during the load leaves the entry dead.
 *  KEYS: value, lease, then one version key for each tag. ARGV: token, lease ms, checksum (4 bytes) of the stale value the caller has seen or '',
 *  least remaining life of a version key in ms.
 *  Returns {0, value}: somebody stored another value meanwhile. {1, version or false...}: the caller loads. {2, ms}: somebody loads, for at most so long.
 *  The same token again is granted again, so a resent command is harmless. Cost: O(tags), plus the value's size. Redis 6.2. */
export const LEASE: LuaScript = luaScript(`
local value = redis.call('GET', KEYS[1])
if value and string.sub(value, 3, 6) ~= ARGV[3] then return {0, value} end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return {2, redis.call('PTTL', KEYS[2])} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local reply = {1}
for i = 3, #KEYS do
  reply[i - 1] = redis.call('GET', KEYS[i])
  local life = redis.call('PTTL', KEYS[i])
  if life >= 0 and life < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[i], 2 * ARGV[4]) end
end
return reply
`)

/** Stores a loaded value if the lease still stands. KEYS: value, lease. ARGV: token, payload, ttl ms, channel or '', message.
 *  Returns 1 when stored, 0 when a delete, a write or the lease's end came first. Cost: O(1) plus the payload's size. Redis 6.2. */
export const FILL: LuaScript = luaScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`)

/** Prolongs a lease. KEYS: lease. ARGV: token, lease ms. Returns 1, or 0 when it is lost. O(1). Redis 6.2. */
export const RENEW: LuaScript = luaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/** Gives a lease up after a failed load. KEYS: lease. ARGV: token. Returns 1, or 0 when it was lost before. O(1). Redis 6.2. */
export const RELEASE: LuaScript = luaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)
