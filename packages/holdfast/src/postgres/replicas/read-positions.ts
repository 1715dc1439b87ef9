import { type Clock, currentRequestScope, type RequestScope } from '../../core/index.ts'
import type { PrimaryReading, PrimaryWatch } from './primary-watch.ts'
import { formatReadToken, parseReadToken } from './read-token.ts'
import { laterPosition, type WalPosition } from './wal-position.ts'

/** What the reads of one request must see. */
interface RequestPosition {
  /** Known to cover all that the request did on the primary up to `knownMs`. */
  position: WalPosition | undefined
  knownMs: number
  /** A question to the primary must have been asked after this, on the monotonic clock: a token said so. */
  askAfterMs: number
  /** Named by a token and beyond what is known of the primary: true, or made up. */
  claimed: WalPosition | undefined
}

/** Follows, for each request, which position its reads must not be behind. */
export class ReadPositions {
  readonly #clock: Clock
  readonly #primary: PrimaryWatch
  readonly #requests = new WeakMap<RequestScope, RequestPosition>()

  constructor(clock: Clock, primary: PrimaryWatch) {
    this.#clock = clock
    this.#primary = primary
  }

  /** The request did something on the primary whose end a reading is known to cover. */
  note(scope: RequestScope, reading: PrimaryReading): void {
    const request = this.#of(scope)
    request.position = laterPosition(request.position, reading.position)
    request.knownMs = Math.max(request.knownMs, reading.askedMs)
  }

  adopt(scope: RequestScope, text: string): void {
    this.#adopt(this.#of(scope), text)
  }

  /** The position that a read must see; `undefined` for any. At most 1 round trip to the primary, when the request sent something there since it was last asked.
   *  Rejects when the primary does not say. What is known is no promise: each is dear where requests have a scope (Node 20). */
  needed(after: string | undefined): WalPosition | undefined | Promise<WalPosition | undefined> {
    const scope = currentRequestScope()
    if (after !== undefined) return this.#neededAfter(after, scope)
    return scope === undefined ? undefined : this.#neededBy(scope)
  }

  async #neededAfter(after: string, scope: RequestScope | undefined): Promise<WalPosition | undefined> {
    const single = emptyPosition()
    this.#adopt(single, after)
    const [own, given] = await Promise.all([scope === undefined ? undefined : this.#neededBy(scope), this.#settle(single, single.askAfterMs, true)])
    return laterPosition(own, given)
  }

  /** For the next request of the same user; `undefined` when any replica will do. Outside of a request nobody knows what was written. */
  token(): string | undefined {
    const scope = currentRequestScope()
    if (scope === undefined) return formatReadToken({ kind: 'now' })
    const request = this.#requests.get(scope)
    if (Math.max(scope.primaryEndMs, request?.askAfterMs ?? NEVER) > (request?.knownMs ?? NEVER)) return formatReadToken({ kind: 'now' })
    const { identity } = this.#primary
    if (request?.position === undefined) return undefined
    return formatReadToken(identity === undefined ? { kind: 'now' } : { kind: 'position', identity, position: request.position })
  }

  #neededBy(scope: RequestScope): WalPosition | undefined | Promise<WalPosition | undefined> {
    const request = this.#requests.get(scope)
    const askAfterMs = Math.max(scope.primaryEndMs, request?.askAfterMs ?? NEVER)
    if (askAfterMs <= (request?.knownMs ?? NEVER)) return request?.position
    return this.#settle(this.#of(scope), askAfterMs, scope.primaryEndMs <= (request?.knownMs ?? NEVER))
  }

  /** `mayTrust`: nothing but a token asks for it. */
  async #settle(request: RequestPosition, askAfterMs: number, mayTrust: boolean): Promise<WalPosition | undefined> {
    if (askAfterMs <= request.knownMs) return request.position
    try {
      const reading = await this.#primary.positionAfter(askAfterMs)
      request.position = laterPosition(request.position, reading.position)
      request.knownMs = Math.max(request.knownMs, reading.askedMs)
      request.claimed = undefined
      return request.position
    } catch (error) {
      // With the primary away the word of the token is the best there is; a replica that is that far may answer.
      if (request.claimed === undefined || !mayTrust) throw error
      return laterPosition(request.position, request.claimed)
    }
  }

  #adopt(request: RequestPosition, text: string): void {
    const token = parseReadToken(text)
    const { latest, identity } = this.#primary
    if (token.kind === 'position' && token.identity === identity && latest !== undefined && token.position <= latest.position) {
      request.position = laterPosition(request.position, token.position)
      return
    }
    // Either not known yet or made up: the primary's own position covers the one and bounds the other.
    request.askAfterMs = this.#clock.monotonicMs()
    if (token.kind === 'position' && token.identity === identity) request.claimed = laterPosition(request.claimed, token.position)
  }

  #of(scope: RequestScope): RequestPosition {
    const known = this.#requests.get(scope)
    if (known !== undefined) return known
    const request = emptyPosition()
    this.#requests.set(scope, request)
    return request
  }
}

const NEVER = Number.NEGATIVE_INFINITY

function emptyPosition(): RequestPosition {
  return { position: undefined, knownMs: NEVER, askAfterMs: NEVER, claimed: undefined }
}
