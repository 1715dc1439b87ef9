import type { IncomingMessage } from 'node:http'
import { type Target, targetOf } from './resource-key.ts'
import type { Place } from './routing.ts'

/** A target as requests of node name it, and what it came to. */
export interface KnownTarget {
  readonly target: Target
  readonly place: Place
}

/** URLs remembered; then it begins anew. What is asked for often is soon there again. */
const LIMIT = 1000
/** Longer ones are not remembered, so that all together take a few MB at most. */
const LONGEST_URL = 1000

interface Entry extends KnownTarget {
  readonly host: string
  readonly isEncrypted: boolean
}

/** The targets of requests of node, those of late by their URL: the key of what is asked for again and again is made once, and its hash with it.
 *  @source bench/http: 0.5 us of a hit */
export class NodeTargets {
  readonly #known = new Map<string, Entry>()

  /** As it came, before a router took its part off. `undefined` for a target that is none. */
  of(request: IncomingMessage & { readonly originalUrl?: string }): KnownTarget | undefined {
    const url = request.originalUrl ?? request.url ?? ''
    const { host } = request.headers
    const isEncrypted = 'encrypted' in request.socket
    const known = this.#known.get(url)
    if (known !== undefined && known.host === host && known.isEncrypted === isEncrypted) return known
    const target = targetOf(isEncrypted ? 'https' : 'http', host, url)
    if (target === undefined || host === undefined) return undefined
    const entry: Entry = { host, isEncrypted, target, place: {} }
    if (url.length > LONGEST_URL) return entry
    if (this.#known.size >= LIMIT) this.#known.clear()
    this.#known.set(url, entry)
    return entry
  }
}
