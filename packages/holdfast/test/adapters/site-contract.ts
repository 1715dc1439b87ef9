import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import type { RateLimiter, ResponseCache, ResponseCacheOptions } from '../../src/http/index.ts'

/** What the handler behind every framework sees. */
export interface SeenRequest {
  readonly method: string
  /** As the framework's route sees it. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

/** What it answers. */
export interface Made {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Instead of a body: chunks as they come. */
  readonly chunks?: AsyncIterable<string>
}

export type Handler = (request: SeenRequest) => Made | Promise<Made>

/** How a site is built. */
export interface SiteOptions extends ResponseCacheOptions {
  /** Mounted below this path. */
  readonly prefix?: string
  /** A body parser stands before the cache. */
  readonly parsed?: boolean
  /** The framework's compression stands before the cache. */
  readonly compressed?: boolean
  /** Requests in 10 s for each `x-user`, counted before the cache. */
  readonly limit?: number
  /** What something before the cache sets on every answer. */
  readonly before?: (request: { readonly headers: IncomingHttpHeaders }) => Record<string, string>
}

export type Listener = RequestListener
/** Puts a handler and a response cache into a framework. */
export type Mount = (site: MountedSite, options: SiteOptions, handle: Handler) => Promise<Listener> | Listener

export interface MountedSite {
  readonly responses: ResponseCache
  /** With `limit`. */
  readonly limiter: RateLimiter | undefined
}
