import {
  type Clock,
  type ClockTimer,
  createLifecycle,
  type Health,
  type HealthReason,
  type HealthSource,
  isHoldfastError,
  type Lifecycle,
  type Logger,
} from '../core/index.ts'
import type { Registry } from '../telemetry/index.ts'
import { type CdnDesk, createCdnDesk } from './cdn-desk.ts'
import { cdnErrors } from './errors.ts'
import { createCdnMetrics } from './metrics.ts'
import type { Purge } from './provider.ts'
import { PurgeIntake } from './purge-intake.ts'
import { type CdnOptions, resolveCdnOptions } from './purge-options.ts'
import { PurgeSender } from './purge-sender.ts'
import { PurgeWatch } from './purge-watch.ts'
import type { NewPurge, PurgeQueue } from './queue/purge-queue.ts'

/** Tells CDNs what is old. A purge is written down before it is sent, in PostgreSQL or else in Redis, and stays there until the CDN has it. */
export interface PurgeBus extends Lifecycle, HealthSource, CdnDesk {
  /** Purges at every CDN, soon: it is collected with others, and repeated after a while. True when it outlives this process; false when that could not be had within 2 s, and
   *  it is noted in this process. 1 round trip, shared with what comes at the same time. Tags by their names at the CDN.
   *  @throws HF_HTTP_CDN_REJECTED for a URL that is none */
  purge(purge: Purge): Promise<boolean>
}

/** What the bus needs. */
export interface PurgeBusDeps {
  readonly queue: PurgeQueue
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly registry: Registry
}

/** Pause between two attempts to write down what could not be. */
const FLUSH_EVERY_MS = 1000
/** Pause before the queue is opened again, when it was refused. */
const OPEN_AGAIN_MS = 30_000

/** Makes the bus. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createPurgeBus(options: CdnOptions, deps: PurgeBusDeps): PurgeBus {
  const resolved = resolveCdnOptions(options)
  const { queue, clock, logger, registry } = deps
  const { providers, collectMs } = resolved
  const names = providers.map(provider => provider.name)
  const metrics = createCdnMetrics(registry)
  const door = queueDoor(queue, clock, logger)
  const opened = door.open
  const desk = createCdnDesk({ queue, providers, clock, open: door.open })
  const watch = new PurgeWatch({ queue, providers: names, clock, logger, metrics, opened })
  const senders = providers.map(provider => new PurgeSender(provider, { ...deps, options: resolved, metrics, onDead: () => void watch.look() }))
  const intake = new PurgeIntake({
    ...{ queue, clock, collectMs, opened },
    onEvent: (provider, event, count) => metrics.purges.bind(provider, event).add(count),
    onAdded: () => {
      for (const sender of senders) sender.wake(collectMs / 2)
    },
  })
  let flushTimer: ClockTimer | undefined
  let isStopped = false
  const scheduleFlush = (): void => {
    if (!isStopped) flushTimer = clock.after(FLUSH_EVERY_MS, () => void intake.flush().then(scheduleFlush))
  }

  const lifecycle = createLifecycle({
    name: 'cdn',
    clock,
    start: async () => {
      // Not waited for: requests are answered while PostgreSQL is away.
      watch.start()
      scheduleFlush()
      for (const sender of senders) sender.wake(0)
    },
    stop: async () => {
      isStopped = true
      watch.stop()
      flushTimer?.cancel()
      await Promise.all([intake.flush(), ...senders.map(sender => sender.stop())])
    },
  })

  return {
    ...lifecycle,
    ...desk,
    async purge(purge) {
      checkUrls(purge)
      return intake.add(names.flatMap(provider => newPurges(provider, purge)))
    },
    async replay(which) {
      const count = await desk.replay(which)
      void watch.look()
      for (const sender of senders) sender.wake(0)
      return count
    },
    async discard(which) {
      const count = await desk.discard(which)
      await watch.look()
      return count
    },
    health(): Health {
      const reasons = [...(door.problem === undefined ? [] : [door.problem]), ...watch.problems]
      if (intake.unsavedCount > 0) {
        const why = `${intake.unsavedCount} purges for CDNs are in this process only, until ${queue.store} takes them`
        reasons.push({ component: 'cdn', why, sinceMs: clock.nowMs() })
      }
      return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons }
    },
  }
}

/** Opens the queue before its first use, and again while that fails. */
function queueDoor(queue: PurgeQueue, clock: Clock, logger: Logger) {
  let opening: Promise<void> | undefined
  let problem: HealthReason | undefined
  const onRefused = (error: unknown): never => {
    const why = messageOf(error)
    if (problem === undefined) logger.warn({ why }, 'cdn: purges cannot be written down; they wait in this process')
    problem ??= { component: 'cdn', why: `purges cannot be written down and wait in this process: ${why}`, sinceMs: clock.nowMs() }
    clock.after(isHoldfastError(error) && !error.retryable ? OPEN_AGAIN_MS : FLUSH_EVERY_MS, () => {
      opening = undefined
    })
    throw error
  }
  const open = (): Promise<void> => {
    opening ??= queue.open().then(() => {
      problem = undefined
    }, onRefused)
    return opening
  }
  return {
    open,
    get problem(): HealthReason | undefined {
      return problem
    },
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function newPurges(provider: string, purge: Purge): NewPurge[] {
  if (purge.kind === 'all') return [{ provider, lane: 'all', subject: '' }]
  const subjects = purge.kind === 'tag' ? purge.tags : purge.urls
  return subjects.map(subject => ({ provider, lane: purge.kind, subject }))
}

/** @throws HF_HTTP_CDN_REJECTED */
function checkUrls(purge: Purge): void {
  if (purge.kind !== 'url') return
  const bad = purge.urls.find(url => !/^https?:\/\//.test(url) || !URL.canParse(url))
  if (bad !== undefined) throw cdnErrors.create('HF_HTTP_CDN_REJECTED', `${JSON.stringify(bad.slice(0, 200))} is not a URL with http or https`)
}
