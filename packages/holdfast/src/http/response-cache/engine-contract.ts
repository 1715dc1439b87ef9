import type { Clock } from '../../core/index.ts'
import type { FieldLines } from '../fields/fields.ts'
import type { Representations } from './representation.ts'
import type { CacheAnswer, Outcome } from './respond.ts'
import type { ResponseStore } from './response-store.ts'
import type { StalenessRules } from './reuse.ts'
import type { LifetimeRules, StoredResponse } from './stored-response.ts'

/** What a route lets the cache do. */
export interface RouteRules extends LifetimeRules, StalenessRules {
  /** Whether requests may ask for validation, for something fresher, or for nothing but what is stored (RFC 9111 5.2.1). */
  readonly obeysRequests: boolean
  /** Cookies on a request do not forbid sharing an answer that says nothing about sharing. */
  readonly ignoresCookies: boolean
  /** The answer belongs to one identity, whose name is part of the key. */
  readonly isPartitioned: boolean
  /** The request may read, and its answer is not stored: for example when it carries a forwarding header from somebody not trusted. */
  readonly mayFill: boolean
  readonly maxBodyBytes: number
  /** Answers are sent in the coding that a request wishes. */
  readonly mayEncode: boolean
  /** How long a stale response is kept after all its uses have passed, to be confirmed by its validator. */
  readonly keepStaleMs: number
}

/** One request. */
export interface EngineRequest {
  readonly method: string
  /** What identifies the resource: the same for all variants and for GET and HEAD. */
  readonly key: string
  /** The key of another URL as the origin wrote it, resolved against this request; `undefined` when it is on another origin. */
  keyOf(url: string): string | undefined
  readonly lines: FieldLines
  /** What the lines are about, by `traitsOf`. */
  readonly traits: number
  readonly rules: RouteRules
  /** Tags of the route. */
  readonly tags: readonly string[]
  /** What the answer is counted under where no router says its route: the path of the rule. */
  readonly route: string
  /** The handler's route, when it has run; `undefined` where the router does not say. */
  readonly routeOf: (() => string | undefined) | undefined
  /** Is given what goes on after the answer, where the platform must be told of it. */
  readonly keepAlive?: (work: Promise<unknown>) => void
}

/** What the origin (handler or upstream) answered: the head, and a body not yet read. */
export interface OriginReply {
  readonly status: number
  readonly lines: FieldLines
  /** The whole body, or `undefined` when it is larger than that or cannot be whole; then it can still be passed on as it comes. Rejects when it breaks off. */
  collect(limitBytes: number): Promise<Uint8Array | undefined>
  /** The body will not be sent on. */
  discard(): void
}

/** Asks the origin. `inBackground`: nobody waits for the answer. */
export type AskOrigin<Reply extends OriginReply> = (lines: FieldLines, inBackground: boolean) => Promise<Reply>

/** What to send: a stored response, or the origin's own answer with these lines. */
export type EngineAnswer<Reply extends OriginReply> =
  | { readonly kind: 'stored'; readonly answer: CacheAnswer }
  | { readonly kind: 'passed'; readonly reply: Reply; readonly lines: FieldLines; readonly outcome: Outcome }

/** The lines of an answer with its tags for CDNs, or with the word that no CDN stores it. `tags` is `undefined` when one of them is none; `isForOne`: the answer is not for everybody, although it may
 *  not say so. */
export type ToCdn = (lines: FieldLines, tags: readonly string[] | undefined, isForOne: boolean) => string[]

/** What the engine needs. */
export interface EngineDeps {
  readonly clock: Clock
  readonly store: ResponseStore
  readonly representations: Representations
  /** An answer. `route`: where it came from, for counting; of a stored one, `stored.route` is known. */
  onOutcome(outcome: Outcome, request: EngineRequest, stored: StoredResponse | undefined): void
  onBackgroundError(error: unknown): void
  /** Names the tags of an answer that is not stored to CDNs. Absent: there are none. */
  readonly toCdn?: ToCdn | undefined
}
