import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { CacheOptions } from '../../../../src/cache/index.ts'
import { bundleChild, type SourceChange } from '../../bundle-child.ts'
import { foreignClient, newNamespace } from '../harness.ts'
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.ts'
import type { ModelReport, ModelTask } from './child.ts'
import { type Evidence, type FaultWindow, machineMs, type ProcessLog, type Stall } from './events.ts'

/** Processes that take part in a history: one connected straight to Redis, one through a proxy, and one through the proxy that may be killed. */
export const PROCESSES = 3
const STALL_MS = 15
const TICK_MS = 5
/** Histories begin this long after the order, so that all have heard it. */
const LEAD_MS = 5
/** Histories beside each other, in about half a second. More of them would keep the processes from the steps of each. */
const WAVE = 48

/** One batch: histories that run beside each other in the same processes, each with keys of its own. */
export interface Batch {
  readonly fromSeed: number
  /** Waves of {@link WAVE} histories are begun, one after the other, for so long. */
  readonly forMs: number
  /** Plays the faults while the histories run. */
  faults?(fleet: Fleet, signal: AbortSignal): Promise<void>
}

/** Warm processes over one Redis. */
export interface Fleet extends AsyncDisposable {
  readonly proxy: TcpProxy
  readonly redis: ReturnType<typeof foreignClient>
  readonly redisPid: number
  readonly namespace: string
  run(batch: Batch): Promise<Evidence>
  /** Marks a time in which a promise may be late. Returns its end. */
  during(kind: FaultWindow['kind'], fault: string): () => void
  noteFlush(): void
  /** Kills the last process with whatever it holds, and starts its successor. */
  replaceVictim(): Promise<void>
}

interface Member {
  readonly child: ChildProcess
  readonly log: ProcessLog
  readonly url: string
}

/** Forks the processes. `changes` are made to the cache's source in them alone. */
export async function startFleet(
  redisUrl: string,
  redisPid: number,
  coherence: NonNullable<CacheOptions['coherence']>,
  changes: readonly SourceChange[] = [],
): Promise<Fleet> {
  const proxy = await startTcpProxy(redisUrl)
  const redis = foreignClient(redisUrl)
  redis.on('error', () => undefined)
  const namespace = newNamespace()
  const file = await bundleChild(new URL('child.ts', import.meta.url), changes)
  let logs: ProcessLog[] = []
  let windows: FaultWindow[] = []
  let stalls: Stall[] = []
  let wasFlushed = false
  let started = 0

  const startMember = async (url: string): Promise<Member> => {
    const child = fork(file, [JSON.stringify({ url, options: { namespace, coherence } })], { execArgv: [] })
    const log: ProcessLog = { name: `process ${started++}`, happenings: [], wasKilled: false }
    logs.push(log)
    child.on('message', (report: ModelReport) => void log.happenings.push(...report.happenings))
    await done(child)
    return { child, log, url }
  }
  const members = await Promise.all([redisUrl, proxy.url, proxy.url].map(startMember))

  const timer = setInterval(tick, TICK_MS)
  let tickedAtMs = machineMs()
  function tick(): void {
    const nowMs = machineMs()
    if (nowMs - tickedAtMs > STALL_MS) stalls.push({ fromMs: tickedAtMs, toMs: nowMs })
    tickedAtMs = nowMs
  }
  let isPinging = false
  const pinger = setInterval(async () => {
    if (isPinging) return
    isPinging = true
    const fromMs = machineMs()
    await redis.ping().catch(() => undefined)
    if (machineMs() - fromMs > STALL_MS) stalls.push({ fromMs, toMs: machineMs() })
    isPinging = false
  }, TICK_MS)

  const fleet: Fleet = {
    proxy,
    redis,
    redisPid,
    namespace,
    async run(batch) {
      logs = members.map(member => {
        member.log.happenings.length = 0
        return member.log
      })
      windows = []
      stalls = []
      wasFlushed = false
      const ended = new AbortController()
      const faults = batch.faults?.(fleet, ended.signal)
      const endMs = machineMs() + batch.forMs
      let histories = 0
      for (; machineMs() < endMs; histories += WAVE) {
        const startMs = machineMs() + LEAD_MS
        const fromSeed = batch.fromSeed + histories
        const finished = members.map(({ child, log }, index) => {
          if (isGone(child)) return Promise.resolve()
          // A process that is killed leaves its part undone; its successor joins in the next wave.
          const end = done(child).catch(error => (log.wasKilled ? undefined : Promise.reject(error)))
          child.send({ index, processes: PROCESSES, fromSeed, count: WAVE, startMs } satisfies ModelTask, () => undefined)
          return end
        })
        await Promise.all(finished)
      }
      ended.abort()
      await faults
      return { histories, logs, windows, stalls, wasFlushed }
    },
    during(kind, fault) {
      const window: FaultWindow = { kind, fault, fromMs: machineMs(), toMs: Number.POSITIVE_INFINITY }
      windows.push(window)
      return () => {
        window.toMs = machineMs()
      }
    },
    noteFlush() {
      wasFlushed = true
    },
    async replaceVictim() {
      const index = PROCESSES - 1
      const { child, log, url } = members[index]!
      log.wasKilled = true
      child.kill('SIGKILL')
      await once(child, 'exit')
      const successor = await startMember(url)
      members[index] = successor
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      clearInterval(pinger)
      const exits = members.map(({ child }) => {
        if (isGone(child)) return undefined
        const exit = once(child, 'exit')
        child.send('stop', () => undefined)
        return exit
      })
      await Promise.all(exits)
      redis.disconnect()
      await proxy.close()
    },
  }
  return fleet
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Rejects when the child dies first: an unhandled rejection in it ends it. */
function done(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = (report: ModelReport): void => {
      if (report.isDone) end(resolve)
    }
    const onExit = (code: number | null, signal: string | null): void => end(() => reject(new Error(`a process ended by ${signal ?? code}`)))
    const end = (settle: () => void): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      settle()
    }
    child.on('message', onMessage).on('exit', onExit)
  })
}
