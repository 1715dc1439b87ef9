import type { Duration } from '../../../../src/core/index.ts'
import { seededRandom } from '../../../cache/seeded-random.ts'

/** One call, by one process, at its time within the history. */
export interface Step {
  readonly atMs: number
  readonly process: number
  readonly op:
    | 'getOrSet'
    | 'getOrSetMany'
    | 'get'
    | 'getMany'
    | 'set'
    | 'setMany'
    | 'setUndefined'
    | 'delete'
    | 'invalidateTags'
    | 'clear'
    | 'increment'
    | 'loadNull'
    | 'loadUndefined'
    | 'loadFailure'
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  /** Chosen by the loader. */
  readonly lateTags: readonly string[]
  /** The time between the look into the database and the answer: the window in which a change makes the answer old. */
  readonly loadMs: number
  readonly ttlMs: number
  readonly graceMs: number
  readonly softTimeoutMs: number
}

const OPS: readonly (readonly [weight: number, op: Step['op']])[] = [
  [40, 'getOrSet'],
  [6, 'getOrSetMany'],
  [14, 'get'],
  [4, 'getMany'],
  [7, 'set'],
  [2, 'setMany'],
  [1, 'setUndefined'],
  [9, 'delete'],
  [10, 'invalidateTags'],
  [0.3, 'clear'],
  [3, 'increment'],
  [2, 'loadNull'],
  [1, 'loadUndefined'],
  [1, 'loadFailure'],
]
const STEPS = 24
/** The rush of a history, and the late looks that find what should have gone. */
const RUSH_MS = 60
/** Steps come in bunches: on a busy machine each wait costs more than it says. */
const TICK_MS = 4
/** The last of them comes when even a busy machine must have delivered. */
const LATE_MS = [150, 170, 400]

/** The steps of one history. The same seed gives the same steps; names are the history's own. */
export function scriptOf(seed: number, processes: number): Step[] {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const total = OPS.reduce((sum, [weight]) => sum + weight, 0)
  const pickOp = (): Step['op'] => {
    let left = random() * total
    for (const [weight, op] of OPS) {
      left -= weight
      if (left < 0) return op
    }
    return 'getOrSet'
  }
  const name = (letter: string): string => `${seed}.${letter}`
  const keys = ['a', 'b', 'c'].slice(0, 1 + below(3)).map(name)
  const tags = ['x', 'y'].map(name)
  return Array.from({ length: STEPS }, (_, i): Step => {
    const lateMs = LATE_MS[STEPS - 1 - i]
    const op = lateMs !== undefined ? 'getOrSet' : pickOp()
    const isShort = random() < 0.15
    return {
      atMs: lateMs ?? below(RUSH_MS / TICK_MS) * TICK_MS,
      process: below(processes),
      op,
      keys: op.endsWith('Many') ? keys : [keys[below(keys.length)]!],
      tags: tags.filter(() => random() < 0.6),
      lateTags: random() < 0.1 ? [tags[below(2)]!] : [],
      loadMs: [0, 0, 2, 5, 15][below(5)]!,
      ttlMs: isShort ? 20 : 60_000,
      graceMs: isShort && random() < 0.5 ? 60 : 0,
      softTimeoutMs: random() < 0.5 ? 5 : 0,
    }
  }).sort((a, b) => a.atMs - b.atMs)
}

export function ms(count: number): Duration {
  return `${count}ms`
}
