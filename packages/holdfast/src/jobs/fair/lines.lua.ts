import { type LuaScript, luaScript } from '../../core/index.ts'

/** Shared by the scripts of this file. Tenants' lines hold ids of jobs whose hash is that of BullMQ 6.7; letting one out is what BullMQ's own add does last: LPUSH to
 *  `wait` and a marker. Keys, behind the queue's prefix P (`hf:{ns}:jobs:queue:`), all in one slot:
 *    P fair:line:T  LIST of ids, oldest left        P fair:ring     LIST of tenants with a line that may be served
 *    P fair:held    number of ids in all lines      P fair:parked   ZSET of tenants that may not, by when (ms; inf: until a job ends)
 *    P fair:slots   HASH id -> tenant, let out      P fair:running  HASH tenant -> number let out and not ended
 *    P fair:tokens  HASH tenant -> time (ms) at which its bucket is full again (GCRA)
 *  Field `hfturn` of a job's hash: it stood in line again after it came back, and its next start is its turn.
 *  Cost of `refill`: O(jobs let out + tenants parked), at most `window` jobs. */
const REFILL = `
local P = KEYS[1]
local function join(id, tenant)
  if redis.call('RPUSH', P..'fair:line:'..tenant, id) == 1 and not redis.call('ZSCORE', P..'fair:parked', tenant) then
    redis.call('RPUSH', P..'fair:ring', tenant)
  end
  redis.call('INCR', P..'fair:held')
end
local function release(id)
  local tenant = redis.call('HGET', P..'fair:slots', id)
  if not tenant then return end
  redis.call('HDEL', P..'fair:slots', id)
  if redis.call('HINCRBY', P..'fair:running', tenant, -1) <= 0 then redis.call('HDEL', P..'fair:running', tenant) end
  if redis.call('ZSCORE', P..'fair:parked', tenant) == 'inf' then
    redis.call('ZREM', P..'fair:parked', tenant)
    if redis.call('EXISTS', P..'fair:line:'..tenant) == 1 then redis.call('RPUSH', P..'fair:ring', tenant) end
  end
end
local function refill(now, window, concurrency, rateMax, ratePer)
  local due = redis.call('ZRANGEBYSCORE', P..'fair:parked', '-inf', now, 'LIMIT', 0, 1000)
  for _, tenant in ipairs(due) do
    redis.call('ZREM', P..'fair:parked', tenant)
    redis.call('RPUSH', P..'fair:ring', tenant)
  end
  local room = window - redis.call('LLEN', P..'wait')
  local moved = 0
  while room > 0 do
    local tenant = redis.call('LPOP', P..'fair:ring')
    if not tenant then break end
    local line = P..'fair:line:'..tenant
    local parkUntil
    if concurrency > 0 and tonumber(redis.call('HGET', P..'fair:running', tenant) or '0') >= concurrency then
      parkUntil = '+inf'
    end
    local full
    if not parkUntil and rateMax > 0 then
      full = math.max(now, tonumber(redis.call('HGET', P..'fair:tokens', tenant) or '0'))
      local allowedAt = full + ratePer / rateMax - ratePer
      if allowedAt > now then parkUntil = math.ceil(allowedAt) end
    end
    if parkUntil then
      redis.call('ZADD', P..'fair:parked', parkUntil, tenant)
    else
      local id = redis.call('LPOP', line)
      if id then
        redis.call('DECR', P..'fair:held')
        if redis.call('EXISTS', P..id) == 1 then
          redis.call('LPUSH', P..'wait', id)
          if concurrency > 0 then
            redis.call('HSET', P..'fair:slots', id, tenant)
            redis.call('HINCRBY', P..'fair:running', tenant, 1)
          end
          if rateMax > 0 then redis.call('HSET', P..'fair:tokens', tenant, full + ratePer / rateMax) end
          moved = moved + 1
          room = room - 1
        end
      end
      if redis.call('EXISTS', line) == 1 then redis.call('RPUSH', P..'fair:ring', tenant) end
    end
  end
  if moved > 0 then
    local meta = redis.call('HMGET', P..'meta', 'paused', 'concurrency')
    local maxed = meta[2] and redis.call('LLEN', P..'active') >= tonumber(meta[2])
    if not meta[1] and not maxed then redis.call('ZADD', P..'marker', 0, '0') end
  end
  local nextDue = redis.call('ZRANGE', P..'fair:parked', 0, 0, 'WITHSCORES')[2]
  if not nextDue or nextDue == 'inf' then return -1 end
  return math.max(0, tonumber(nextDue) - now)
end
`

/** Adds jobs to their tenants' lines and lets out what there is room for. A job whose id is known, or was handed over by the outbox before, is passed over.
 *  KEYS 1: P. ARGV: now ms, window, concurrency, rate max, rate per ms, ms for which an id is remembered (0: not), then for each job: id ('' for a new one), name,
 *  data, options (JSON), tenant, timestamp. Returns the ids. O(jobs). */
export const ADD_TO_LINES: LuaScript = luaScript(`${REFILL}
local now = tonumber(ARGV[1])
local ids = {}
for at = 7, #ARGV, 6 do
  local id = ARGV[at]
  local isKnown = false
  if id == '' then
    id = 'f'..redis.call('INCR', P..'id')
  else
    isKnown = redis.call('EXISTS', P..id) == 1
    if not isKnown and ARGV[6] ~= '0' then isKnown = not redis.call('SET', P..'de:'..id, id, 'PX', ARGV[6], 'NX') end
  end
  if not isKnown then
    redis.call('HSET', P..id, 'name', ARGV[at + 1], 'data', ARGV[at + 2], 'opts', ARGV[at + 3], 'timestamp', ARGV[at + 5], 'delay', 0, 'priority', 0)
    join(id, ARGV[at + 4])
  end
  ids[#ids + 1] = id
end
refill(now, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
return ids`)

/** Gives back the places of jobs that ended, and lets out what there is room for. KEYS 1: P. ARGV: as above to 5, then ids. Returns the ms after which a
 *  tenant's bucket lets more out, -1 when that is for a job's end to do. O(ids). */
export const RELEASE_AND_REFILL: LuaScript = luaScript(`${REFILL}
for at = 6, #ARGV do release(ARGV[at]) end
return refill(tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))`)

/** Sends a job that BullMQ gave to a worker by itself (its delay or its back-off was over, or its dead letter is run again) to the end of its tenant's line; not one
 *  that has stood there since. KEYS 1: P. ARGV: as above to 5, then id, tenant, the worker's token. Returns 1 when it stands in line, 0 when it is its turn, -1 when
 *  the worker has it no more. O(active jobs). */
export const STAND_IN_LINE: LuaScript = luaScript(`${REFILL}
local id = ARGV[6]
if redis.call('HDEL', P..id, 'hfturn') == 1 then return 0 end
if redis.call('GET', P..id..':lock') ~= ARGV[8] or redis.call('LREM', P..'active', -1, id) == 0 then return -1 end
redis.call('DEL', P..id..':lock')
redis.call('SREM', P..'stalled', id)
-- It was not begun, and fences go by the count of its starts.
redis.call('HINCRBY', P..id, 'ats', -1)
redis.call('HSET', P..id, 'hfturn', 1)
release(id)
join(id, ARGV[7])
refill(tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
return 1`)

/** Ids let out whose job has ended or is gone, for the script above to give back: what a killed worker could not. KEYS 1: P. ARGV: cursor, count.
 *  Returns the next cursor and the ids. O(count). */
export const FIND_LOST_SLOTS: LuaScript = luaScript(`
local P = KEYS[1]
local page = redis.call('HSCAN', P..'fair:slots', ARGV[1], 'COUNT', ARGV[2])
local lost = {}
for at = 1, #page[2], 2 do
  local id = page[2][at]
  local finishedOn = redis.call('HGET', P..id, 'finishedOn')
  if finishedOn or redis.call('EXISTS', P..id) == 0 then lost[#lost + 1] = id end
end
return {page[1], lost}`)

/** Takes one job out of its tenant's line, with its hash. KEYS 1: P. ARGV: id, tenant. Returns 1 when it was there. O(length of the line and of the ring). */
export const REMOVE_FROM_LINE: LuaScript = luaScript(`
local P = KEYS[1]
if redis.call('LREM', P..'fair:line:'..ARGV[2], 1, ARGV[1]) == 0 then return 0 end
redis.call('DECR', P..'fair:held')
if redis.call('EXISTS', P..'fair:line:'..ARGV[2]) == 0 then redis.call('LREM', P..'fair:ring', 1, ARGV[2]) end
redis.call('DEL', P..ARGV[1], P..ARGV[1]..':logs')
return 1`)

/** Empties all lines, with their jobs, at most ARGV 1 jobs a call. KEYS 1: P. Returns how many were removed. O(ARGV 1). */
export const DRAIN_LINES: LuaScript = luaScript(`
local P = KEYS[1]
local left = tonumber(ARGV[1])
local removed = 0
local function drain(tenant)
  local line = P..'fair:line:'..tenant
  while removed < left do
    local id = redis.call('LPOP', line)
    if not id then return true end
    redis.call('DEL', P..id, P..id..':logs')
    redis.call('DECR', P..'fair:held')
    removed = removed + 1
  end
  return redis.call('EXISTS', line) == 0
end
while removed < left do
  local tenant = redis.call('LPOP', P..'fair:ring')
  if not tenant then break end
  if not drain(tenant) then redis.call('RPUSH', P..'fair:ring', tenant) end
end
for _, tenant in ipairs(redis.call('ZRANGE', P..'fair:parked', 0, -1)) do
  if removed >= left then break end
  drain(tenant)
end
return removed`)
