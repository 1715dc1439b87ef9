import type { MemoryEntry } from './l1/memory-tier.ts'
import { decodePayload } from './payload.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { readStored } from './stored-value.ts'

/** A tag of an entry. */
export interface InspectedTag {
  readonly tag: string
  /** False when it was invalidated after the entry was loaded. */
  readonly isCurrent: boolean
}

/** One copy of an entry. */
export interface InspectedEntry {
  /** In memory an estimate, in Redis the bytes stored. */
  readonly sizeBytes: number
  /** How long it is still served without a reload; 0 when it is stale. */
  readonly freshForMs: number
  /** How long it may still be served at all; 0 when it is gone. */
  readonly goneInMs: number
  readonly tags: readonly InspectedTag[]
  /** True when `clear` came after it. */
  readonly isCleared: boolean
}

/** What this process can say of a key. */
export interface Inspection {
  readonly key: string
  /** The copy in this process. */
  readonly memory: InspectedEntry | undefined
  /** `none`: no Redis was given. `away`: it does not answer. `unreadable`: damaged, or written by another program. */
  readonly redisState: 'none' | 'away' | 'absent' | 'unreadable' | 'stored'
  /** The copy in Redis, and how long its loader took (0 for `set`). */
  readonly redis: (InspectedEntry & { readonly loadMs: number }) | undefined
  /** Only when it was asked for: the value as a reader would get it now, or `undefined`. */
  readonly value?: unknown
}

/** Why a read would be a hit or a miss now. */
export type ExplainReason =
  | 'in_memory'
  | 'in_redis'
  | 'stale'
  | 'absent'
  | 'expired'
  | 'tag_invalidated'
  | 'cleared'
  | 'unreadable'
  | 'redis_away'
  | 'no_redis'

/** An answer to "why was this a miss?". */
export interface Explanation {
  readonly key: string
  /** What a read would meet now. `stale`: served while it is reloaded. */
  readonly outcome: 'hit' | 'stale' | 'miss'
  readonly reason: ExplainReason
  /** The tags that were invalidated since the entry was loaded. */
  readonly movedTags: readonly string[]
  /** The reason in one sentence. */
  readonly message: string
}

/** What inspecting needs. */
export interface InspectionDeps {
  readonly nowMs: number
  /** The entry in memory, whatever its state; `undefined` also while memory is shut. */
  readonly memory: MemoryEntry | undefined
  readonly tier: RemoteTier | undefined
}

/** Looks at `key` without changing or counting anything. 2 Redis round trips. Never rejects. */
export async function inspectKey(key: string, withValue: boolean, { nowMs, memory, tier }: InspectionDeps): Promise<Inspection> {
  const inMemory = memory && inspectMemory(memory, nowMs)
  // Taken now: an entry that leaves memory meanwhile is emptied.
  const stored = memory?.stored
  const { value: redisValue, ...redis } = await inspectRedis(key, tier)
  const found: Inspection = { key, memory: inMemory, ...redis }
  if (!withValue) return found
  const isMemoryValid = stored !== undefined && inMemory !== undefined && isAlive(inMemory)
  return {
    ...found,
    value: isMemoryValid ? readStored(stored) : redis.redis !== undefined && isAlive(redis.redis) ? redisValue?.() : undefined,
  }
}

/** Says what a read would meet. */
export function explainInspection({ key, memory, redis, redisState }: Inspection): Explanation {
  const say = (outcome: Explanation['outcome'], reason: ExplainReason, message: string, movedTags: readonly string[] = []): Explanation => {
    return { key, outcome, reason, movedTags, message }
  }
  const alive = [memory, redis].find(entry => entry !== undefined && isAlive(entry))
  if (alive !== undefined && alive.freshForMs === 0) return say('stale', 'stale', `served for ${alive.goneInMs} ms more while it is reloaded`)
  const freshFor = `fresh for ${alive?.freshForMs} ms more`
  if (alive !== undefined)
    return alive === memory ? say('hit', 'in_memory', `in memory, ${freshFor}`) : say('hit', 'in_redis', `in Redis, ${freshFor}`)
  if (redisState === 'away') return say('miss', 'redis_away', 'not in this process, and Redis does not answer')
  if (redisState === 'unreadable') return say('miss', 'unreadable', 'Redis holds bytes that are damaged or of another program')
  const dead = redis ?? memory
  if (dead === undefined) {
    if (redisState === 'none') return say('miss', 'no_redis', 'not in this process, and there is no Redis to ask')
    return say('miss', 'absent', 'in no tier: never stored, deleted, expired or evicted')
  }
  const moved = dead.tags.filter(({ isCurrent }) => !isCurrent).map(({ tag }) => tag)
  if (dead.isCleared) return say('miss', 'cleared', 'the namespace was cleared after it was stored', moved)
  if (moved.length > 0) return say('miss', 'tag_invalidated', `invalidated by ${moved.map(tag => JSON.stringify(tag)).join(', ')}`, moved)
  return say('miss', 'expired', 'its time is over')
}

function isAlive(entry: InspectedEntry): boolean {
  return entry.goneInMs > 0 && !entry.isCleared && entry.tags.every(tag => tag.isCurrent)
}

function inspectMemory({ sizeBytes, freshUntilMs, goneAtMs, tags }: MemoryEntry, nowMs: number): InspectedEntry {
  return {
    sizeBytes,
    ...timesLeft(freshUntilMs, goneAtMs, nowMs),
    tags: tags.cells.map(({ tag, generation }, i) => ({ tag, isCurrent: generation === tags.generations[i] })),
    // A clear empties memory.
    isCleared: false,
  }
}

type RedisPart = Pick<Inspection, 'redis' | 'redisState'> & { readonly value?: () => unknown }

async function inspectRedis(key: string, tier: RemoteTier | undefined): Promise<RedisPart> {
  if (tier === undefined) return { redis: undefined, redisState: 'none' }
  try {
    const bytes = await tier.read(key)
    if (bytes === null) return { redis: undefined, redisState: 'absent' }
    const payload = await decodePayload(bytes)
    if (payload === undefined) return { redis: undefined, redisState: 'unreadable' }
    const versions = await tier.versions(payload.tags.map(({ tag }) => tag))
    const tags = payload.tags.map(({ tag, version }, i) => ({ tag, isCurrent: version === versions[i] }))
    const redis = {
      sizeBytes: bytes.length,
      ...timesLeft(payload.freshUntilMs, payload.goneAtMs, tier.serverNowMs(key)),
      tags: tags.filter(({ tag }) => tag !== ''),
      isCleared: tags.some(({ tag, isCurrent }) => tag === '' && !isCurrent),
      loadMs: payload.loadMs,
    }
    return { redis, redisState: 'stored', value: () => readStored(payload.stored) }
  } catch {
    // The link has counted it.
    return { redis: undefined, redisState: 'away' }
  }
}

function timesLeft(freshUntilMs: number, goneAtMs: number, nowMs: number): { freshForMs: number; goneInMs: number } {
  return { freshForMs: Math.max(0, Math.ceil(freshUntilMs - nowMs)), goneInMs: Math.max(0, Math.ceil(goneAtMs - nowMs)) }
}
