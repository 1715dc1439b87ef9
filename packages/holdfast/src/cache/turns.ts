import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/index.ts'
import { type MemoryValue, refreshMomentOf } from './l1/memory-tier.ts'
import type { Lookup } from './lookup.ts'
import type { CacheMetrics } from './metrics.ts'
import type { TagVersion } from './payload.ts'
import { LEASE_MS, type RemoteTier } from './redis/remote-tier.ts'
import type { TagSnapshot } from './tag-table.ts'

/** The right to store one value, with the versions that its tags had before the load. `undefined` tags: a version was lost, so the value cannot be stored. */
export interface Grant {
  readonly token: string
  readonly tags: readonly TagVersion[] | undefined
}

/** Whose turn it is: ours to load, with or without the right to store, or nobody's, because somebody has loaded. */
export type Turn = { readonly kind: 'load'; readonly grant: Grant | undefined } | { readonly kind: 'loaded'; readonly value: MemoryValue }

/** What taking turns needs. */
export interface TurnDeps {
  readonly clock: Clock
  readonly tier: RemoteTier
  readonly lookup: Lookup
  readonly metrics: CacheMetrics
}

/** Pauses between looks for the value that another process loads; the first is short because most loads are. */
const POLL_FIRST_MS = 20
const POLL_LAST_MS = 200
/** After this a waiter loads for itself and stores nothing: the holder is alive but does not get on. */
const WAIT_LIMIT_MS = 10_000

/** Unusable values that may be stored anew, one after another, while we ask; then somebody else keeps writing them. */
const AGAIN_LIMIT = 5

/** Settles among all processes of one Redis who loads a key, by leases. */
export class Turns {
  readonly #deps: TurnDeps
  readonly #waiters = new Map<string, Set<() => void>>()

  constructor(deps: TurnDeps) {
    this.#deps = deps
  }

  /** Waits until this process may load, or somebody else has loaded. Never rejects: when Redis fails on the way, we load without a grant.
   *  `seen` is the checksum of the stale value that Redis held. 1 round trip when nobody loads. */
  async await(key: string, seen: Buffer | undefined, tags: TagSnapshot): Promise<Turn> {
    const { clock, metrics } = this.#deps
    const token = randomBytes(8).toString('hex')
    const giveUpAtMs = clock.monotonicMs() + WAIT_LIMIT_MS
    let lastSeen = seen
    let pollMs = POLL_FIRST_MS
    let againCount = 0
    while (clock.monotonicMs() < giveUpAtMs && againCount < AGAIN_LIMIT) {
      // Listening begins before the question, so that an answer given in between is not slept through.
      const change = this.#listen(key)
      try {
        const step = await this.#ask(key, token, lastSeen, tags)
        if (step.kind !== 'wait' && step.kind !== 'again') return step
        if (step.kind === 'again') {
          lastSeen = step.seen
          againCount++
          continue
        }
        await change.orAfter(Math.min(pollMs, step.leftMs + 1))
        pollMs = Math.min(POLL_LAST_MS, pollMs * 2)
      } catch {
        // The link has counted it.
        return { kind: 'load', grant: undefined }
      } finally {
        change.stop()
      }
    }
    metrics.errors.bind('lease_wait').add()
    return { kind: 'load', grant: undefined }
  }

  /** Prolongs the lease while the loader runs. Returns the function that ends it. */
  renewWhile(key: string, token: string): () => void {
    const { clock, tier } = this.#deps
    let timer = clock.after(LEASE_MS / 3, function renew() {
      tier.renew(key, token).catch(() => undefined)
      timer = clock.after(LEASE_MS / 3, renew)
    })
    return () => timer.cancel()
  }

  /** The key changed: those who wait look again. */
  wake(key: string): void {
    for (const wake of this.#waiters.get(key) ?? []) wake()
  }

  /** Everything may have changed. */
  wakeAll(): void {
    for (const key of [...this.#waiters.keys()]) this.wake(key)
  }

  async #ask(
    key: string,
    token: string,
    seen: Buffer | undefined,
    tags: TagSnapshot,
  ): Promise<Turn | { kind: 'wait'; leftMs: number } | { kind: 'again'; seen: Buffer | undefined }> {
    const { clock, tier, lookup } = this.#deps
    const names = tags.cells.map(cell => cell.tag)
    const known = tags.cells.map(cell => (tier.mayUseVersion(cell.tag) ? cell.version : 0))
    const reply = await tier.lease(key, token, seen, names, known)
    if (reply.kind === 'held') return { kind: 'wait', leftMs: reply.leftMs }
    if (reply.kind === 'granted') return { kind: 'load', grant: this.#accept(token, tags, reply.versions) }
    const found = await lookup.judge(key, reply.bytes)
    if (found.kind === 'alive' && refreshMomentOf(found.value) > clock.monotonicMs()) return { kind: 'loaded', value: found.value }
    return { kind: 'again', seen: 'seen' in found ? found.seen : undefined }
  }

  #accept(token: string, { cells, generations }: TagSnapshot, versions: readonly (number | undefined)[]): Grant {
    if (versions.includes(undefined)) return { token, tags: undefined }
    const tags = cells.map((cell, i) => {
      if (this.#deps.tier.mayNoteVersion(cell.tag) && cell.generation === generations[i]) cell.version = versions[i]!
      return { tag: cell.tag, version: versions[i]! }
    })
    return { token, tags }
  }

  #listen(key: string): { orAfter(ms: number): Promise<void>; stop(): void } {
    let hasChanged = false
    let onChange = (): void => {
      hasChanged = true
    }
    const wake = (): void => onChange()
    const listeners = this.#waiters.get(key) ?? new Set()
    listeners.add(wake)
    this.#waiters.set(key, listeners)
    return {
      orAfter: ms =>
        new Promise(resolve => {
          if (hasChanged) return resolve()
          const timer = this.#deps.clock.after(ms, resolve, true)
          onChange = () => {
            timer.cancel()
            resolve()
          }
        }),
      stop: () => {
        listeners.delete(wake)
        if (listeners.size === 0 && this.#waiters.get(key) === listeners) this.#waiters.delete(key)
      },
    }
  }
}
