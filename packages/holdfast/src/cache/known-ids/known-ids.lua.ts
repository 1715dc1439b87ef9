import { type LuaScript, luaScript } from '../../core/index.ts'

// One hash for each filter: gen, m, k, n, run, built of the filter in use; next.gen and so on of the one being built; a:<member> when a member last wrote.
// In one key with the members, so that eviction cannot take them and leave the filter. Bit m of a bitmap is set when it is made: without it the bitmap was
// evicted. `run` is the server that has seen every addition: after a failover or a restart the additions of its last moment may be missing.
const COMMON = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function run() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') end
local function bits(prefix) return KEYS[1] .. ':' .. redis.call('HGET', KEYS[1], prefix .. 'gen') end
local function mark(prefix, from)
  local f = redis.call('HMGET', KEYS[1], prefix .. 'gen', prefix .. 'm', prefix .. 'k')
  if not f[1] then return end
  local map, m, k = KEYS[1] .. ':' .. f[1], tonumber(f[2]), tonumber(f[3])
  for i = from, #ARGV, 2 do
    for j = 0, k - 1 do redis.call('SETBIT', map, (ARGV[i] + j * ARGV[i + 1]) % m, 1) end
  end
  redis.call('HINCRBY', KEYS[1], prefix .. 'n', (#ARGV - from + 1) / 2)
end
local function drop(prefix)
  if redis.call('HEXISTS', KEYS[1], prefix .. 'gen') == 1 then redis.call('UNLINK', bits(prefix)) end
  for _, field in ipairs({'gen', 'm', 'k', 'n', 'run', 'built'}) do redis.call('HDEL', KEYS[1], prefix .. field) end
end
`

/** KEYS: the hash. ARGV: trust ms, then two hashes for each id. Returns {0, why} when the filter is open (1 none, 2 a member is silent, 3 another server, 4
 *  evicted), else {1, then 1 or 0 for each id}. Cost: O(members + ids). Redis 6.2. */
export const CHECK: LuaScript = luaScript(`${COMMON}
local all, f, oldest = redis.call('HGETALL', KEYS[1]), {}, now
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'a:' then oldest = math.min(oldest, tonumber(all[i + 1])) else f[all[i]] = all[i + 1] end
end
if not f.gen then return {0, 1} end
if now - oldest > tonumber(ARGV[1]) then return {0, 2} end
if f.run ~= run() then return {0, 3} end
local map, m, k = KEYS[1] .. ':' .. f.gen, tonumber(f.m), tonumber(f.k)
if redis.call('GETBIT', map, m) == 0 then return {0, 4} end
local reply = {1}
for i = 2, #ARGV, 2 do
  local found = 1
  for j = 0, k - 1 do
    if redis.call('GETBIT', map, (ARGV[i] + j * ARGV[i + 1]) % m) == 0 then found = 0 break end
  end
  reply[#reply + 1] = found
end
return reply
`)

/** Says that a member lives. KEYS: the hash. ARGV: member, when it was sent (server's clock), how ('first', 'usual', or 'break': an addition was not
 *  written), trust ms, most ms of a message on its way, ms after which a silent member is forgotten.
 *  Returns {0} when it came too late, else {1, filter in use 0|1, built, n, capacity bits, k, being built 0|1}. A member that was silent for longer than the
 *  trust lasts may have created ids unheard: when it speaks again, and when it is forgotten, both filters are dropped. Cost: O(members). Redis 6.2. */
export const BEAT: LuaScript = luaScript(`${COMMON}
if now - ARGV[2] > tonumber(ARGV[5]) then return {0} end
local seen = redis.call('HGET', KEYS[1], 'a:' .. ARGV[1])
local isBroken = ARGV[3] == 'break' or (ARGV[3] == 'usual' and (not seen or now - seen > tonumber(ARGV[4])))
redis.call('HSET', KEYS[1], 'a:' .. ARGV[1], now)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'a:' and now - all[i + 1] > tonumber(ARGV[6]) then
    redis.call('HDEL', KEYS[1], all[i])
    isBroken = true
  end
end
local run = run()
for _, prefix in ipairs({'', 'next.'}) do
  local was = redis.call('HGET', KEYS[1], prefix .. 'run')
  if was and (isBroken or was ~= run or redis.call('GETBIT', bits(prefix), redis.call('HGET', KEYS[1], prefix .. 'm')) == 0) then drop(prefix) end
end
local f = redis.call('HMGET', KEYS[1], 'gen', 'built', 'n', 'm', 'k', 'next.gen')
return {1, f[1] and 1 or 0, now - (f[2] or now), tonumber(f[3] or 0), tonumber(f[4] or 0), tonumber(f[5] or 0), f[6] and 1 or 0}
`)

/** Adds ids. KEYS: the hash. ARGV: member, when it was sent, trust ms, most ms on its way, then two hashes for each id.
 *  Returns 1, 0 when the member is not known or was silent (it must beat first), -1 when it came too late. Cost: O(ids). Redis 6.2. */
export const ADD: LuaScript = luaScript(`${COMMON}
if now - ARGV[2] > tonumber(ARGV[4]) then return -1 end
local seen = redis.call('HGET', KEYS[1], 'a:' .. ARGV[1])
if not seen or now - seen > tonumber(ARGV[3]) then return 0 end
mark('', 5)
mark('next.', 5)
redis.call('HSET', KEYS[1], 'a:' .. ARGV[1], now)
return 1
`)

/** A member leaves in good order. KEYS: the hash. ARGV: member. O(1). Redis 6.2. */
export const LEAVE: LuaScript = luaScript(`return redis.call('HDEL', KEYS[1], 'a:' .. ARGV[1])`)

/** Begins a new filter, which gets all additions from now on. KEYS: the hash. ARGV: its name, bits, hashes for each id. O(bits) once. Redis 6.2. */
export const OPEN: LuaScript = luaScript(`${COMMON}
drop('next.')
redis.call('HSET', KEYS[1], 'next.gen', ARGV[1], 'next.m', ARGV[2], 'next.k', ARGV[3], 'next.n', 0, 'next.run', run())
redis.call('SETBIT', KEYS[1] .. ':' .. ARGV[1], ARGV[2], 1)
return 1
`)

/** Puts ids of the source into the new filter. KEYS: the hash. ARGV: its name, then two hashes for each id. Returns 0 when it was dropped. O(ids). Redis 6.2. */
export const FILL_IDS: LuaScript = luaScript(`${COMMON}
if redis.call('HGET', KEYS[1], 'next.gen') ~= ARGV[1] then return 0 end
mark('next.', 2)
return 1
`)

/** Puts the new filter into use. KEYS: the hash. ARGV: its name. Returns 0 when it was dropped, evicted, or is on another server now. O(1). Redis 6.2. */
export const PROMOTE: LuaScript = luaScript(`${COMMON}
local f = redis.call('HMGET', KEYS[1], 'next.gen', 'next.m', 'next.k', 'next.n', 'next.run')
if f[1] ~= ARGV[1] or f[5] ~= run() or redis.call('GETBIT', bits('next.'), f[2]) == 0 then return 0 end
drop('')
redis.call('HSET', KEYS[1], 'gen', f[1], 'm', f[2], 'k', f[3], 'n', f[4], 'run', f[5], 'built', now)
redis.call('HDEL', KEYS[1], 'next.gen', 'next.m', 'next.k', 'next.n', 'next.run')
return 1
`)
