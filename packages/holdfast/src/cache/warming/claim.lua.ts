import { type LuaScript, luaScript } from '../../core/index.ts'

/** Asks to warm a source. KEYS: the source's ledger (a hash). ARGV: token, lease ms, kind, id, life of the ledger in ms.
 *  `id` is what must be done only once: for `deploy` and `request` a name, for `tick` when it was due (ms), for `start` the time of the server at which the
 *  caller began to wait ('' at first), for `hand` nothing.
 *  Returns {0, now}: it is done. {1}: the caller warms. {2, ms, now}: somebody warms, for at most so long.
 *  The same token again is granted again. Cost: O(1). Redis 6.2. */
export const CLAIM: LuaScript = luaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function field(name) return redis.call('HGET', KEYS[1], name) end
local kind, id = ARGV[3], ARGV[4]
local done = false
if kind == 'deploy' then done = field('deploy:' .. id) ~= false
elseif kind == 'tick' then done = tonumber(field('tick') or -1) >= tonumber(id)
elseif kind == 'request' then done = field('request') == id
elseif kind == 'start' and id ~= '' then done = tonumber(field('at') or -1) >= tonumber(id) end
if done then return {0, now} end
local token, till = field('token'), tonumber(field('until') or 0)
if token and token ~= ARGV[1] and till > now then return {2, till - now, now} end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'until', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {1}
`)

/** Prolongs a claim. KEYS: ledger. ARGV: token, lease ms. Returns 1, or 0 when somebody else has it. O(1). Redis 6.2. */
export const PROLONG: LuaScript = luaScript(`
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'until', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2])
return 1
`)

/** Ends a claim. KEYS: ledger. ARGV: token, kind, id, 1 when the work is done and need not be done again, how long deploys are remembered in ms.
 *  Returns 1, or 0 when the claim was lost before: then nothing is noted. A tick from a clock that is ahead is noted as now, so that it cannot
 *  silence later ones. Cost: O(deploys remembered). Redis 6.2. */
export const FINISH: LuaScript = luaScript(`
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'token', 'until')
if ARGV[4] ~= '1' then return 1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'at', now)
if ARGV[2] == 'tick' then redis.call('HSET', KEYS[1], 'tick', math.min(now, tonumber(ARGV[3])))
elseif ARGV[2] == 'request' then redis.call('HSET', KEYS[1], 'request', ARGV[3])
elseif ARGV[2] == 'deploy' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 7) == 'deploy:' and tonumber(all[i + 1]) < now - ARGV[5] then redis.call('HDEL', KEYS[1], all[i]) end
  end
  redis.call('HSET', KEYS[1], 'deploy:' .. ARGV[3], now)
end
return 1
`)
