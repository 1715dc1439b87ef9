import type { RedisAccess, RedisArg } from '../../cache/index.ts'
import type { LuaScript } from '../../core/index.ts'
import type { PurgeLimit } from '../provider.ts'
import * as scripts from './purge-queue.lua.ts'
import {
  type BucketUse,
  type DeadPurge,
  type DeadSelection,
  kindOf,
  LANES,
  type Lane,
  type NewPurge,
  type PurgeCounts,
  type PurgeQueue,
  type TakenPurge,
} from './purge-queue.ts'

/** How long a purge that was given up is kept. */
const DEAD_MS = 30 * 86_400_000

/** Looked at in one script, during which Redis does nothing else: some ms. */
const DEAD_AT_ONCE = 500

/** Purges in Redis, for services without PostgreSQL: as durable as that Redis, which loses them with its memory unless it persists. Everything has one hash tag, so
 *  that it lies on one server of a cluster. */
export class RedisPurgeQueue implements PurgeQueue {
  readonly store = 'redis'
  readonly #redis: RedisAccess
  readonly #base: string

  constructor(redis: RedisAccess, namespace: string) {
    this.#redis = redis
    this.#base = `{hf:${namespace}:cdn}`
  }

  async open(): Promise<void> {
    // Nothing to make.
  }

  async add(purges: readonly NewPurge[], collectMs: number): Promise<void> {
    await this.#run(scripts.ADD, [collectMs, JSON.stringify(purges)])
  }

  async take(
    provider: string,
    lane: Lane,
    { perRequest, bucket, counts, burst, perSec }: PurgeLimit,
    leaseMs: number,
  ): Promise<readonly TakenPurge[]> {
    const taken = (await this.#run(scripts.TAKE, [provider, lane, perRequest, bucket, burst, perSec, leaseMs, counts])) as string[]
    return taken.map(text => JSON.parse(String(text)) as TakenPurge)
  }

  async done(purges: readonly TakenPurge[], provider: string, lane: Lane, againInMs: number): Promise<void> {
    await this.#run(scripts.DONE, [provider, lane, againInMs, ...idsOf(purges)])
  }

  async retry(purges: readonly TakenPurge[], provider: string, { from, to }: { from: Lane; to: Lane }, inMs: number, isFree: boolean): Promise<void> {
    await this.#run(scripts.RETRY, [provider, from, to, Math.round(inMs), isFree ? 1 : 0, ...idsOf(purges)])
  }

  async bury(purges: readonly TakenPurge[], provider: string, lane: Lane, reason: string): Promise<void> {
    await this.#run(scripts.BURY, [provider, lane, reason, ...idsOf(purges)])
  }

  async pause(provider: string, bucket: string, forMs: number): Promise<void> {
    await this.#run(scripts.PAUSE, [provider, bucket, Math.round(forMs)])
  }

  async due(providers: readonly string[]): Promise<readonly { provider: string; lane: Lane; inMs: number }[]> {
    const names = providers.flatMap(provider => LANES.map(lane => ({ provider, lane })))
    const answers = (await this.#run(
      scripts.DUE,
      names.flatMap(({ provider, lane }) => [provider, lane]),
    )) as (string | Buffer)[]
    return names.flatMap((name, i) => (String(answers[i]) === '' ? [] : [{ ...name, inMs: Number(String(answers[i])) }]))
  }

  async counts(providers: readonly string[]): Promise<readonly PurgeCounts[]> {
    const answers = (await this.#run(scripts.COUNTS, [DEAD_MS, JSON.stringify(LANES), ...providers])) as number[][]
    return providers.map((provider, i) => {
      const [waiting = 0, dead = 0, oldestMs = 0] = answers[i] ?? []
      return { provider, waiting, dead, oldestMs }
    })
  }

  async buckets(providers: readonly string[]): Promise<readonly BucketUse[]> {
    const texts = (await this.#run(scripts.BUCKETS, providers)) as string[]
    return texts.map(text => JSON.parse(String(text)) as BucketUse)
  }

  async fold(provider: string): Promise<void> {
    await this.#run(scripts.FOLD, [provider, JSON.stringify(LANES)])
  }

  async dead(limit: number, provider: string | undefined): Promise<readonly DeadPurge[]> {
    const texts = (await this.#run(scripts.DEAD, [limit, provider ?? ''])) as string[]
    return texts.map(text => {
      const { id, provider, lane, subject, attempts, reason, diedAtMs } = JSON.parse(String(text)) as DeadPurge & { lane: Lane }
      return { id, provider, kind: kindOf(lane), subject, attempts, reason, diedAtMs }
    })
  }

  replay(which: DeadSelection): Promise<number> {
    return this.#change(scripts.REPLAY, which)
  }

  discard(which: DeadSelection): Promise<number> {
    return this.#change(scripts.DISCARD, which)
  }

  async #change(script: LuaScript, { ids, provider = '' }: DeadSelection): Promise<number> {
    let changed = 0
    if (ids !== undefined) {
      for (let at = 0; at < ids.length; at += DEAD_AT_ONCE) {
        const [count] = (await this.#run(script, [provider, '', ...ids.slice(at, at + DEAD_AT_ONCE)])) as [number]
        changed += count
      }
      return changed
    }
    // Those of other providers stay, and are passed over.
    for (let passed = 0; ; ) {
      const [count, seen] = (await this.#run(script, [provider, '*', passed, DEAD_AT_ONCE])) as [number, number]
      changed += count
      passed += seen - count
      if (seen < DEAD_AT_ONCE) return changed
    }
  }

  #run(script: LuaScript, args: readonly RedisArg[]): Promise<unknown> {
    const base = this.#base
    return this.#redis.run(script, [`${base}:items`, `${base}:dead`, `${base}:buckets`, `${base}:due`], args)
  }
}

function idsOf(purges: readonly TakenPurge[]): string[] {
  return purges.map(purge => purge.id)
}
