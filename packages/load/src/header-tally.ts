import type { IncomingHttpHeaders } from 'node:http'
import type { TargetHeaders } from './result.ts'

const TIMING_NAME_LIMIT = 32
const CACHE_WORD_LIMIT = 16
/** Name and duration of an entry (W3C Server Timing, section 2). A comma within a quoted description only costs that entry. */
const TIMING_ENTRY = /([!#$%&'*+.^_`|~\w-]+)\s*;[^,]*?dur\s*=\s*"?([\d.]+)/g

/** Adds up what answers say about themselves. A target that invents names without end fills a fixed table and no more. */
export class HeaderTally {
  readonly #timing = new Map<string, { sumMs: number; count: number }>()
  readonly #xCache = new Map<string, number>()

  add(headers: IncomingHttpHeaders): void {
    const timing = headers['server-timing']
    if (timing !== undefined) for (const [, name, duration] of String(timing).matchAll(TIMING_ENTRY)) this.#addTiming(name!, Number(duration))
    const cache = headers['x-cache']
    if (cache !== undefined) this.#addCache(String(cache))
  }

  summary(): TargetHeaders {
    const serverTiming = [...this.#timing].map(
      ([name, { sumMs, count }]) => [name, { meanMs: Math.round((1000 * sumMs) / count) / 1000, count }] as const,
    )
    return { serverTiming: Object.fromEntries(serverTiming), xCache: Object.fromEntries(this.#xCache) }
  }

  #addTiming(name: string, durationMs: number): void {
    const entry = this.#timing.get(name)
    if (entry !== undefined) {
      entry.sumMs += durationMs
      entry.count++
    } else if (this.#timing.size < TIMING_NAME_LIMIT) this.#timing.set(name, { sumMs: durationMs, count: 1 })
  }

  #addCache(value: string): void {
    const word = value.split(/[\s,;]/, 1)[0]!.toUpperCase()
    const count = this.#xCache.get(word)
    if (count !== undefined || this.#xCache.size < CACHE_WORD_LIMIT) this.#xCache.set(word, (count ?? 0) + 1)
  }
}
