import { type ChildProcess, fork } from 'node:child_process'
import type { WarmingReport } from '../../../src/cache/index.ts'
import { bundleChild } from '../bundle-child.ts'

/** What a child warms: so many keys, one at a time, each taking so long. */
export interface WarmingPlan {
  readonly keys: number
  readonly loadMs: number
  readonly on: ('start' | 'deploy')[]
  readonly deployId?: string
}

/** What a child can be told. */
export type FeatureRequest = 'start' | 'loads' | 'idle' | 'stop' | 'join' | 'add'

/** A process of its own with a cache that it warms. */
export interface FeatureProcess {
  start(): Promise<void>
  loads(): Promise<number>
  /** When nothing is warmed any more: the last report. */
  idle(): Promise<WarmingReport>
  /** Becomes one of those that may create ids of `agents`. */
  join(): Promise<void>
  /** Adds the id `fresh`. */
  add(): Promise<void>
  kill(): void
  stop(): Promise<void>
}

/** Forks a process; nothing is started in it. */
export async function forkFeatureProcess(url: string, namespace: string, plan: WarmingPlan): Promise<FeatureProcess> {
  const child: ChildProcess = fork(await bundleChild(new URL('feature-child.ts', import.meta.url)), [JSON.stringify({ url, namespace, plan })], {
    execArgv: [],
  })
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  let nextId = 0
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else if (asked !== undefined) asked.reject(new Error(error))
    else throw new Error(error)
  })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  void exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the child is gone'))
  })
  const ask = (request: FeatureRequest): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = nextId++
      waiting.set(id, { resolve, reject })
      child.send({ id, request })
    })
  return {
    start: () => ask('start') as Promise<void>,
    loads: () => ask('loads') as Promise<number>,
    idle: () => ask('idle') as Promise<WarmingReport>,
    join: () => ask('join') as Promise<void>,
    add: () => ask('add') as Promise<void>,
    kill: () => child.kill('SIGKILL'),
    async stop() {
      if (child.connected) ask('stop').catch(() => undefined)
      await exited
    },
  }
}
