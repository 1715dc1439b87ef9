/** The part of the Cache API of workerd used here. */
export interface EdgeCacheLike {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<void>
  delete(url: string): Promise<boolean>
}

/** The part of a KV namespace used here. */
export interface KvLike {
  get(names: string[], options: { type: 'text'; cacheTtl: number }): Promise<Map<string, string | null>>
  put(name: string, value: string, options: { expirationTtl: number }): Promise<void>
}

/** The part of a dataset of Workers Analytics Engine used here. */
export interface DatasetLike {
  writeDataPoint(point: { indexes?: string[]; blobs?: string[]; doubles?: number[] }): void
}

/** The part of the execution context used here. */
export interface ExecutionContextLike {
  /** Keeps the request's work going after its answer was sent, or its client has gone; 30 s at most. */
  waitUntil(work: Promise<unknown>): void
}

/** What `fetch` of workerd takes beside the standard. */
export interface CfRequestInit extends RequestInit {
  readonly cf?: { readonly cacheTtl: number }
}
