import { type LuaScript, luaScript } from '../../core/index.ts'

/** Stores a derived entry if no fence was put up since its making began. KEYS: value, fence. ARGV: the fence then or '', payload, ttl ms, channel or '',
 *  message. Returns 1 when stored, else 0. Cost: O(1) plus the payload's size. Redis 6.2. */
export const STORE_UNFENCED: LuaScript = luaScript(`
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`)
