import { type LuaScript, luaScript } from '../../core/index.ts'

/** Writes a value and drops the lease, so that a load under way is refused. KEYS: value, lease. ARGV: payload, ttl ms, channel or '', message.
 *  When there is no memory for the value, the old one goes all the same. Returns 1, or the error. O(1) plus the payload's size. Redis 6.2. */
export const SET: LuaScript = luaScript(`
local reply = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if reply.err then redis.call('UNLINK', KEYS[1]) end
redis.call('DEL', KEYS[2])
if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return reply.err and reply or 1
`)

/** Deletes a value and drops the lease. KEYS: value, lease. ARGV: channel or '', message. Returns how many values were there, 0 or 1.
 *  The value is written before it is deleted when only a lease exists: deleting nothing tells nobody, and the process that loads must hear of it.
 *  O(1). Redis 6.2. */
export const DELETE: LuaScript = luaScript(`
local found = redis.call('EXISTS', KEYS[1])
if redis.call('DEL', KEYS[2]) == 1 and found == 0 then redis.pcall('SET', KEYS[1], '') end
redis.call('UNLINK', KEYS[1])
if ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return found
`)

/** Gives a tag a new version. KEYS: version key. ARGV: version, life ms or '0' for no end, channel or '', message. When there is no memory for it, the
 *  old one goes, which is as good. Returns 1. O(1). Redis 6.2. */
export const BUMP: LuaScript = luaScript(`
local reply
if ARGV[2] == '0' then reply = redis.pcall('SET', KEYS[1], ARGV[1]) else reply = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
if reply.err then redis.call('UNLINK', KEYS[1]) end
if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return 1
`)
