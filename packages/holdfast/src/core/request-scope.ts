import { AsyncLocalStorage } from 'node:async_hooks'

/** Where the time of one request went, and what it used. The layers add to it; the HTTP layer reads it when the response starts.
 *  Plain mutable numbers, because three layers write here on their hot paths. */
export interface RequestScope {
  /** Route pattern, for example `GET /agents/:id/leads`; `undefined` until the router knows it. */
  route: string | undefined
  /** Time spent waiting for a pooled connection. */
  poolWaitMs: number
  /** Time that statements took, from send to the last row. Statements that overlap count twice. */
  pgMs: number
  /** Time spent waiting for Redis. */
  redisMs: number
  statementCount: number
  cacheHitCount: number
  cacheMissCount: number
  /** When a statement on the primary ended last, which may have written; monotonic, -Infinity for never. Where there are replicas, later reads must see it. */
  primaryEndMs: number
  /** What the PostgreSQL layer remembers of this request's statements; nobody else looks inside. */
  statementCalls: object | undefined
}

const storage = new AsyncLocalStorage<RequestScope>()

/** A scope with everything at zero. */
export function createRequestScope(): RequestScope {
  return {
    route: undefined,
    poolWaitMs: 0,
    pgMs: 0,
    redisMs: 0,
    statementCount: 0,
    cacheHitCount: 0,
    cacheMissCount: 0,
    primaryEndMs: Number.NEGATIVE_INFINITY,
    statementCalls: undefined,
  }
}

/** A scope that reads and writes `parent`, but for the members in `own`. */
export function shareRequestScope(parent: RequestScope, own: Partial<RequestScope>): RequestScope {
  const shared = { ...own } as RequestScope
  for (const name of Object.keys(parent) as (keyof RequestScope)[]) {
    if (name in own) continue
    Object.defineProperty(shared, name, {
      enumerable: true,
      get: () => parent[name],
      set: (value: never) => {
        parent[name] = value
      },
    })
  }
  return shared
}

/** Runs `work` so that everything it awaits sees `scope`. */
export function runInRequestScope<T>(scope: RequestScope, work: () => T): T {
  return storage.run(scope, work)
}

/** The scope of the request being served, or `undefined` outside of one. */
export function currentRequestScope(): RequestScope | undefined {
  return storage.getStore()
}
