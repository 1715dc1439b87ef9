import type { Express } from 'express'
import type { Environment } from './environment.ts'

/** The settings that decide what the service is made of. */
export type ServiceOptions = Pick<
  Environment,
  'mode' | 'redisUrl' | 'jobsRedisUrl' | 'workers' | 'cacheNamespace' | 'instanceToken' | 'requestsPerMinute' | 'liveToken' | 'cursorSecret'
>

/** The service over a pool, ready for a listener. */
export interface Service {
  readonly app: Express
  /** Ends answers that have no end of their own. Call it before waiting for requests under way. */
  endStreams(): Promise<void>
  /** Call it when the last request is answered. The pool stays open: it is the caller's. */
  stop(): Promise<void>
}
