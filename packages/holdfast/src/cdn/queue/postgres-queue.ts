import { type MigrationClient, migrateOwnSchema, type UserPool, unobserved } from '../../postgres/index.ts'
import type { PurgeLimit } from '../provider.ts'
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
import {
  ADD_PURGES,
  BURY_PURGES,
  COUNT_PURGES,
  DEAD_PURGES,
  DISCARD_PURGES,
  DONE_PURGES,
  DUE_PURGES,
  FOLD_PURGES,
  FORGET_DEAD,
  PAUSE_BUCKET,
  REPLAY_PURGES,
  RETRY_PURGES,
  TAKE_PURGES,
  USED_BUCKETS,
} from './sql/purge-rows.sql.ts'

/** Purges in `holdfast.cdn_purge`, on the service's own pool: as durable as its data. */
export class PostgresPurgeQueue implements PurgeQueue {
  readonly store = 'postgres'
  readonly #pool: UserPool
  readonly #namespace: string

  constructor(pool: UserPool, namespace: string) {
    this.#pool = pool
    this.#namespace = namespace
  }

  async open(): Promise<void> {
    const client = await this.#pool.connect()
    const own: MigrationClient = { query: (text, values) => client.query(unobserved(text), values) }
    try {
      await migrateOwnSchema(own)
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  async add(purges: readonly NewPurge[], collectMs: number): Promise<void> {
    const columns = [purges.map(one => one.provider), purges.map(one => one.lane), purges.map(one => one.subject)]
    await this.#query(ADD_PURGES, [this.#namespace, ...columns, collectMs])
  }

  async take(
    provider: string,
    lane: Lane,
    { perRequest, bucket, counts, burst, perSec }: PurgeLimit,
    leaseMs: number,
  ): Promise<readonly TakenPurge[]> {
    return this.#query<TakenPurge>(TAKE_PURGES, [this.#namespace, provider, lane, perRequest, bucket, burst, perSec, leaseMs, counts === 'items'])
  }

  async done(purges: readonly TakenPurge[], _provider: string, _lane: Lane, againInMs: number): Promise<void> {
    await this.#query(DONE_PURGES, [idsOf(purges), againInMs])
  }

  async retry(purges: readonly TakenPurge[], _provider: string, { to }: { to: Lane }, inMs: number, isFree: boolean): Promise<void> {
    await this.#query(RETRY_PURGES, [idsOf(purges), to, inMs, isFree ? 1 : 0])
  }

  async bury(purges: readonly TakenPurge[], _provider: string, _lane: Lane, reason: string): Promise<void> {
    await this.#query(BURY_PURGES, [idsOf(purges), reason])
  }

  async pause(provider: string, bucket: string, forMs: number): Promise<void> {
    await this.#query(PAUSE_BUCKET, [provider, bucket, forMs])
  }

  async due(providers: readonly string[]): Promise<readonly { provider: string; lane: Lane; inMs: number }[]> {
    return this.#query<{ provider: string; lane: Lane; inMs: number }>(DUE_PURGES, [this.#namespace, providers, LANES])
  }

  async counts(providers: readonly string[]): Promise<readonly PurgeCounts[]> {
    await this.#query(FORGET_DEAD, [this.#namespace])
    return this.#query<PurgeCounts>(COUNT_PURGES, [this.#namespace, providers])
  }

  async buckets(providers: readonly string[]): Promise<readonly BucketUse[]> {
    return this.#query<BucketUse>(USED_BUCKETS, [providers])
  }

  async fold(provider: string): Promise<void> {
    await this.#query(FOLD_PURGES, [this.#namespace, provider])
  }

  async dead(limit: number, provider: string | undefined): Promise<readonly DeadPurge[]> {
    const rows = await this.#query<DeadPurge & { lane: Lane }>(DEAD_PURGES, [this.#namespace, limit, provider ?? null])
    return rows.map(({ lane, ...row }) => ({ ...row, kind: kindOf(lane) }))
  }

  replay(which: DeadSelection): Promise<number> {
    return this.#change(REPLAY_PURGES, which)
  }

  discard(which: DeadSelection): Promise<number> {
    return this.#change(DISCARD_PURGES, which)
  }

  async #change(text: string, { ids, provider }: DeadSelection): Promise<number> {
    // What is no number is the id of none.
    const numbers = ids?.filter(id => /^\d{1,18}$/.test(id)) ?? null
    const { rowCount } = await this.#pool.query(unobserved(text), [this.#namespace, numbers, provider ?? null])
    return rowCount ?? 0
  }

  async #query<Row>(text: string, values: unknown[]): Promise<readonly Row[]> {
    return (await this.#pool.query(unobserved(text), values)).rows as readonly Row[]
  }
}

function idsOf(purges: readonly TakenPurge[]): string[] {
  return purges.map(purge => purge.id)
}
