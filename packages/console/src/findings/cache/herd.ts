import { HERD_WAITERS } from 'holdfast/cache'
import { type CacheRule, duration, type Judgement, meanLoadMs, readCost, shareOfLoading, span, whole } from './judgement.ts'

/** Herds in a minute from which on it is a pattern and not a cold start. */
const LEAST_HERDS = 5
/** Time that callers waited together in a minute below which nobody noticed. */
const LEAST_WAITED_MS = 1000

/** Many callers wait for one load again and again: a stale value would have answered them at once. */
export const herd: CacheRule = view => {
  return [...view.minute.traffic.prefixes].flatMap(([subject, traffic]): Judgement[] => {
    const rule = 'cache/herd'
    const { herdLoads, herdWaiters, herdWaitedMs, ttlMs, sampledMisses, reread } = traffic
    const reads = readCost(traffic, view)
    if (reads.readCount < HERD_WAITERS * LEAST_HERDS) return []
    const why = `${whole(herdWaiters)} callers waited ${span(herdWaitedMs)} together for ${whole(herdLoads)} loads`
    if (herdLoads < LEAST_HERDS || herdWaitedMs < LEAST_WAITED_MS) return [{ rule, subject, is: 'good', reads, why }]
    // Only a key that was there before has a stale value to give; one that is asked for the first time does not.
    const isKnown = reread.count > 0 && reread.count >= sampledMisses / 2
    return [
      {
        ...({ rule, subject, is: 'bad', reads, why } as const),
        title: `${whole(herdWaiters / herdLoads)} callers at a time wait for one load of ${subject}:*, ${whole(herdLoads)} times in ${span(reads.windowMs)}`,
        savesMsPerSec: herdWaitedMs / (reads.windowMs / 1000),
        shareOfTime: shareOfLoading(traffic, view),
        figures: [
          { name: `Loads with ${HERD_WAITERS} waiting or more`, value: `${whole(herdLoads)} in ${span(reads.windowMs)}` },
          { name: 'Waiting for each', value: `${whole(herdWaiters / herdLoads)} callers, ${span(herdWaitedMs / herdWaiters)} each` },
          { name: 'Waited together', value: span(herdWaitedMs) },
          { name: 'Keys that had merely expired', value: `${whole(reread.count)} of n ${whole(sampledMisses)} followed misses` },
          { name: 'Load, mean', value: `${meanLoadMs(traffic).toFixed(1)} ms, n ${whole(traffic.load.count)}` },
        ],
        recommendation: isKnown ? withGrace(subject, Math.max(1000, ttlMs)) : withWarming(subject),
      },
    ]
  })
}

type Advice = Extract<Judgement, { is: 'bad' }>['recommendation']

function withGrace(subject: string, graceMs: number): Advice {
  return {
    summary: `give ${subject}:* a grace of ${duration(graceMs)}: callers get the stale value at once while one reloads; or earlyRefresh, which reloads before the end`,
    option: { name: 'grace', from: 'none, or shorter than the gap', to: duration(graceMs) },
    costNote: `a value may be served for ${span(graceMs)} more while it is reloaded; tags drop it all the same`,
    risk: 'low',
  }
}

function withWarming(subject: string): Advice {
  return {
    summary: `the keys are new when the callers come: store ${subject}:* when the value comes into being, with set or by warming, and not when the first caller asks`,
    option: { name: 'warming', from: 'loaded when first asked for', to: 'stored beforehand' },
    costNote: 'loads of values that nobody asks for; bound them by warming only what is asked for often',
    risk: 'low',
  }
}
