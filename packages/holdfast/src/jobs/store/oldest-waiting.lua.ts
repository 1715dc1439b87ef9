import { type LuaScript, luaScript } from '../../core/index.ts'

/** Since when (ms) the job waits that has waited longest: of the list, of the first and of the last priority, and of the heads of tenants' lines. Since it was
 *  due, or since its last attempt began, or since it was asked to run again: a back-off counts, for nothing says when it ended. KEYS 1: P, the queue's prefix. ARGV:
 *  lines looked at, at most. Returns the time as text, or nil when nothing waits. O(lines looked at). */
export const OLDEST_WAITING: LuaScript = luaScript(`
local P = KEYS[1]
local limit = tonumber(ARGV[1])
local oldest
local function look(id)
  if not id then return end
  local row = redis.call('HMGET', P..id, 'timestamp', 'opts', 'processedOn', 'hfdue')
  if not row[1] then return end
  local ok, opts = pcall(cjson.decode, row[2] or '{}')
  local delay = ok and type(opts) == 'table' and tonumber(opts.delay) or 0
  local since = math.max(tonumber(row[1]) + delay, tonumber(row[3] or 0), tonumber(row[4] or 0))
  if not oldest or since < oldest then oldest = since end
end
look(redis.call('LINDEX', P..'wait', -1))
local last = redis.call('ZRANGE', P..'prioritized', -1, -1, 'WITHSCORES')
if last[1] then
  look(redis.call('ZRANGE', P..'prioritized', 0, 0)[1])
  local lowest = math.floor(tonumber(last[2]) / 4294967296) * 4294967296
  look(redis.call('ZRANGEBYSCORE', P..'prioritized', lowest, '+inf', 'LIMIT', 0, 1)[1])
end
for _, tenant in ipairs(redis.call('LRANGE', P..'fair:ring', 0, limit - 1)) do look(redis.call('LINDEX', P..'fair:line:'..tenant, 0)) end
for _, tenant in ipairs(redis.call('ZRANGE', P..'fair:parked', 0, limit - 1)) do look(redis.call('LINDEX', P..'fair:line:'..tenant, 0)) end
return oldest and string.format('%.0f', oldest)`)
