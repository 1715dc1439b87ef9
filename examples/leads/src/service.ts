import type { Express } from 'express'
import type { Environment } from './environment.ts'

/** The settings that decide what the service is made of. */
export type ServiceOptions = Pick<Environment, 'mode' | 'redisUrl' | 'cacheNamespace' | 'instanceToken'>

/** The service over a pool, ready for a listener. */
export interface Service {
  readonly app: Express
  /** Call it when the last request is answered. The pool stays open: it is the caller's. */
  stop(): Promise<void>
}
