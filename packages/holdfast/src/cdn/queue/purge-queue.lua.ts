import { type LuaScript, luaScript } from '../../core/index.ts'

/** What all of them begin with. KEYS: items (hash: id to JSON), dead (sorted set: id by death), buckets (hash), due (prefix of a sorted set for each provider and lane,
 *  ids by due time; in the same slot by the hash tag). Redis 6.2. */
const HEAD = `
local items, dead, buckets, prefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function lane(provider, name) return prefix .. ':' .. provider .. ':' .. name end
local function read(id)
  local text = redis.call('HGET', items, id)
  return text and cjson.decode(text)
end
local function write(id, item) redis.call('HSET', items, id, cjson.encode(item)) end
local function put(item, due)
  local id = tostring(redis.call('HINCRBY', buckets, 'id', 1))
  item.id, item.round, item.attempts, item.at = id, 1, 0, now
  write(id, item)
  redis.call('ZADD', lane(item.provider, item.lane), due, id)
end
`

/** Due at the next multiple of a stretch that is at least half of it away. ARGV: stretch in ms, JSON list of purges. O(n log n). */
export const ADD: LuaScript = luaScript(`${HEAD}
local due = math.ceil(now / ARGV[1] + 0.5) * ARGV[1]
for _, item in ipairs(cjson.decode(ARGV[2])) do put(item, due) end
return 1
`)

/** ARGV: provider, lane, most, bucket, its size, tokens a second, lease ms, 'items' when each costs a token. Returns JSON texts, none without a
 *  token. O(n log n). */
export const TAKE: LuaScript = luaScript(`${HEAD}
local key = lane(ARGV[1], ARGV[2])
local ids = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, ARGV[3])
if #ids == 0 then return {} end
local name = ARGV[1] .. ':' .. ARGV[4]
local text = redis.call('HGET', buckets, name)
local bucket = text and cjson.decode(text) or { tokens = tonumber(ARGV[5]), at = now, paused = 0 }
local tokens = math.min(tonumber(ARGV[5]), bucket.tokens + math.max(0, now - bucket.at) / 1000 * tonumber(ARGV[6]))
if tokens < 1 or bucket.paused > now then return {} end
redis.call('HSET', buckets, name, cjson.encode({ tokens = tokens - (ARGV[8] == 'items' and #ids or 1), at = now, paused = 0 }))
local taken = {}
for _, id in ipairs(ids) do
  local item = read(id)
  if item then
    item.attempts = item.attempts + 1
    write(id, item)
    redis.call('ZADD', key, now + ARGV[7], id)
    taken[#taken + 1] = cjson.encode(item)
  else
    redis.call('ZREM', key, id)
  end
end
return taken
`)

/** ARGV: provider, lane, ms until round 2 or 0, ids. O(n log n). */
export const DONE: LuaScript = luaScript(`${HEAD}
local key = lane(ARGV[1], ARGV[2])
for i = 4, #ARGV do
  local item = read(ARGV[i])
  if item and item.round == 1 and tonumber(ARGV[3]) > 0 then
    item.round, item.attempts = 2, 0
    write(ARGV[i], item)
    redis.call('ZADD', key, now + ARGV[3], ARGV[i])
  else
    redis.call('HDEL', items, ARGV[i])
    redis.call('ZREM', key, ARGV[i])
  end
end
return 1
`)

/** ARGV: provider, lane, new lane, due in ms, attempts to take back, ids. O(n log n). */
export const RETRY: LuaScript = luaScript(`${HEAD}
for i = 6, #ARGV do
  local item = read(ARGV[i])
  if item then
    item.attempts, item.lane = item.attempts - ARGV[5], ARGV[3]
    write(ARGV[i], item)
    redis.call('ZREM', lane(ARGV[1], ARGV[2]), ARGV[i])
    redis.call('ZADD', lane(ARGV[1], ARGV[3]), now + ARGV[4], ARGV[i])
  end
end
return 1
`)

/** ARGV: provider, lane, reason, ids. O(n log n). */
export const BURY: LuaScript = luaScript(`${HEAD}
for i = 4, #ARGV do
  local item = read(ARGV[i])
  redis.call('ZREM', lane(ARGV[1], ARGV[2]), ARGV[i])
  if item then
    item.reason, item.diedAtMs = ARGV[3], now
    write(ARGV[i], item)
    redis.call('ZADD', dead, now, ARGV[i])
  end
end
return 1
`)

/** ARGV: provider, bucket, ms. O(1). */
export const PAUSE: LuaScript = luaScript(`${HEAD}
redis.call('HSET', buckets, ARGV[1] .. ':' .. ARGV[2], cjson.encode({ tokens = 1, at = now, paused = now + ARGV[3] }))
return 1
`)

/** ARGV: pairs of provider and lane. Returns for each the ms until its first is due, or ''. O(pairs). */
export const DUE: LuaScript = luaScript(`${HEAD}
local answers = {}
for i = 1, #ARGV, 2 do
  local first = redis.call('ZRANGE', lane(ARGV[i], ARGV[i + 1]), 0, 0, 'WITHSCORES')
  answers[#answers + 1] = first[2] and tostring(first[2] - now) or ''
end
return answers
`)

/** ARGV: how long the dead are kept in ms, JSON list of lanes, providers. Returns waiting, dead, age of the oldest for each. O(dead). */
export const COUNTS: LuaScript = luaScript(`${HEAD}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', dead, '-inf', now - ARGV[1])) do
  redis.call('HDEL', items, id)
  redis.call('ZREM', dead, id)
end
local deadBy = {}
for _, id in ipairs(redis.call('ZRANGE', dead, 0, -1)) do
  local item = read(id)
  if item then deadBy[item.provider] = (deadBy[item.provider] or 0) + 1 end
end
local answers = {}
for i = 3, #ARGV do
  local waiting, oldest = 0, 0
  for _, name in ipairs(cjson.decode(ARGV[2])) do
    local key = lane(ARGV[i], name)
    waiting = waiting + redis.call('ZCARD', key)
    local first = redis.call('ZRANGE', key, 0, 0)[1]
    local item = first and read(first)
    if item and item.round == 1 then oldest = math.max(oldest, now - item.at) end
  end
  answers[#answers + 1] = { waiting, deadBy[ARGV[i]] or 0, oldest }
end
return answers
`)

/** ARGV: provider, JSON list of lanes. O(purges that wait). */
export const FOLD: LuaScript = luaScript(`${HEAD}
for _, name in ipairs(cjson.decode(ARGV[2])) do
  local key = lane(ARGV[1], name)
  for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('HDEL', items, id) end
  redis.call('DEL', key)
end
put({ provider = ARGV[1], lane = 'all', subject = '' }, now)
return 1
`)

/** ARGV: providers. Returns JSON texts. O(buckets that were used). */
export const BUCKETS: LuaScript = luaScript(`${HEAD}
local found, wanted = {}, {}
for i = 1, #ARGV do wanted[ARGV[i]] = true end
local all = redis.call('HGETALL', buckets)
for i = 1, #all, 2 do
  local provider, name = string.match(all[i], '^(.*):([^:]*)$')
  if provider and wanted[provider] then
    local bucket = cjson.decode(all[i + 1])
    found[#found + 1] = cjson.encode({ provider = provider, bucket = name, tokens = bucket.tokens, agoMs = math.max(0, now - bucket.at), pausedForMs = math.max(0, bucket.paused - now) })
  end
end
return found
`)

/** ARGV: most, provider or ''. Returns JSON texts, the newest first. O(dead). */
export const DEAD: LuaScript = luaScript(`${HEAD}
local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', dead, 0, ARGV[2] == '' and ARGV[1] - 1 or -1)) do
  local text = redis.call('HGET', items, id)
  if text and #found < tonumber(ARGV[1]) and (ARGV[2] == '' or cjson.decode(text).provider == ARGV[2]) then found[#found + 1] = text end
end
return found
`)

/** What REPLAY and DISCARD have in common. ARGV: provider or '', then '*', how many of the dead to pass over and how many to look at, or '' and ids. Returns how many were
 *  changed and how many were looked at. */
const EACH_DEAD = (work: string): LuaScript =>
  luaScript(`${HEAD}
local isAll = ARGV[2] == '*'
local ids = isAll and redis.call('ZRANGE', dead, ARGV[3], ARGV[3] + ARGV[4] - 1) or ARGV
local count = 0
for i = isAll and 1 or 3, #ids do
  local id = ids[i]
  local item = redis.call('ZSCORE', dead, id) and read(id)
  if item and (ARGV[1] == '' or item.provider == ARGV[1]) then
    redis.call('ZREM', dead, id)
    ${work}
    count = count + 1
  end
end
return { count, #ids }
`)

/** O(n log n). */
export const REPLAY: LuaScript = EACH_DEAD(`item.attempts, item.reason, item.diedAtMs = 0, nil, nil
    write(id, item)
    redis.call('ZADD', lane(item.provider, item.lane), now, id)`)

/** O(n log n). */
export const DISCARD: LuaScript = EACH_DEAD(`redis.call('HDEL', items, id)`)
