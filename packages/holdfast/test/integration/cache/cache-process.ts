import { type ChildProcess, fork } from 'node:child_process'
import type { CacheOptions, RedisClusterServers } from '../../../src/cache/index.ts'
import { bundleChild } from '../bundle-child.ts'

/** What a child can be told. `read`: `callers` calls of getOrSet at once, with a loader that takes `loadMs` and gives `value`. */
export type ChildRequest =
  | { readonly op: 'start' | 'loads' | 'stats' | 'stop' }
  | { readonly op: 'get' | 'delete'; readonly key: string }
  | { readonly op: 'invalidate'; readonly tags: string[] }
  | { readonly op: 'read'; readonly key: string; readonly callers: number; readonly loadMs: number; readonly value: unknown; readonly tags: string[] }

/** What a child answers. */
export interface ChildReply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** A process of its own with a cache in it. */
export interface CacheProcess {
  readonly pid: number
  ask(request: ChildRequest): Promise<unknown>
  /** `ask` for a read with defaults. */
  read(key: string, value: unknown, options?: { callers?: number; loadMs?: number; tags?: string[] }): Promise<unknown>
  kill(): void
  /** Ends it in an orderly way. */
  stop(): Promise<void>
}

/** Forks a process and starts its cache. */
export async function startCacheProcess(url: string | RedisClusterServers, options: CacheOptions): Promise<CacheProcess> {
  const child: ChildProcess = fork(
    await bundleChild(new URL('cache-child.ts', import.meta.url)),
    [JSON.stringify({ url, options: { jitter: 0, ...options } })],
    { execArgv: [] },
  )
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  let nextId = 0
  child.on('message', (reply: ChildReply) => {
    const asked = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (reply.error === undefined) asked?.resolve(reply.result)
    else if (asked !== undefined) asked.reject(new Error(reply.error))
    else throw new Error(reply.error)
  })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  void exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the child is gone'))
  })
  const ask = (request: ChildRequest): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = nextId++
      waiting.set(id, { resolve, reject })
      child.send({ id, request })
    })
  await ask({ op: 'start' })
  return {
    pid: child.pid!,
    ask,
    read: (key, value, { callers = 1, loadMs = 0, tags = [] } = {}) => ask({ op: 'read', key, value, callers, loadMs, tags }),
    kill: () => child.kill('SIGKILL'),
    async stop() {
      if (child.connected) ask({ op: 'stop' }).catch(() => undefined)
      await exited
    },
  }
}
