import type { InstanceSnapshot } from 'holdfast'
import type { TrafficWindow } from '../../store/traffic-store.ts'

type InstanceRepeat = NonNullable<InstanceSnapshot['repeats']>[number]

/** What requests of one route did with one statement in one window, over all instances; all counts 0 when they repeat it no more. */
export interface RepeatTraffic extends Pick<InstanceRepeat, 'rule' | 'fingerprint' | 'text' | 'route' | 'callSite' | 'isWrite' | 'mostCalls'> {
  readonly requestCount: number
  readonly callCount: number
  readonly distinctCount: number
  readonly repeatMs: number
}

/** What the rule looks at. */
export interface RepeatView {
  readonly minute: TrafficWindow
  /** Every pattern that was ever seen, with what it did in the minute. */
  readonly patterns: readonly RepeatTraffic[]
}

/** Patterns remembered; those not seen for longest make room. */
const PATTERN_LIMIT = 400
const COUNTS = ['requestCount', 'callCount', 'distinctCount', 'repeatMs'] as const

/** Turns counts since the start of each instance into counts of one window. */
export interface RepeatWindows {
  /** What was added since the last call. An instance that is seen for the first time is counted from its next window on. */
  next(instances: readonly { readonly instanceId: string; readonly repeats: readonly InstanceRepeat[] }[]): readonly RepeatTraffic[]
}

/** Windows that begin with the first call. */
export function createRepeatWindows(): RepeatWindows {
  let before = new Map<string, ReadonlyMap<string, InstanceRepeat>>()
  const seen = new Map<string, RepeatTraffic>()
  return {
    next(instances) {
      const after = new Map<string, ReadonlyMap<string, InstanceRepeat>>()
      for (const [key, pattern] of seen) seen.set(key, { ...pattern, requestCount: 0, callCount: 0, distinctCount: 0, repeatMs: 0 })
      for (const { instanceId, repeats } of instances) {
        const now = new Map(repeats.map(repeat => [keyOf(repeat), repeat]))
        after.set(instanceId, now)
        const earlier = before.get(instanceId)
        if (earlier === undefined) continue
        for (const [key, repeat] of now) addTo(seen, key, repeat, earlier.get(key))
      }
      before = after
      for (const key of [...seen.keys()].slice(0, Math.max(0, seen.size - PATTERN_LIMIT))) seen.delete(key)
      return [...seen.values()]
    },
  }
}

function addTo(seen: Map<string, RepeatTraffic>, key: string, now: InstanceRepeat, earlier: InstanceRepeat | undefined): void {
  // Fewer than before: the instance forgot the pattern and found it again.
  const base = earlier !== undefined && earlier.requestCount <= now.requestCount ? earlier : undefined
  if (now.requestCount === base?.requestCount) return
  const known = seen.get(key)
  const counts = Object.fromEntries(COUNTS.map(name => [name, (known?.[name] ?? 0) + now[name] - (base?.[name] ?? 0)]))
  // Anew, so that the order is that of the last sight.
  seen.delete(key)
  seen.set(key, { ...now, ...(counts as Pick<RepeatTraffic, (typeof COUNTS)[number]>) })
}

function keyOf({ rule, fingerprint, route }: InstanceRepeat): string {
  return `${rule} ${fingerprint} ${route}`
}
