import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../core/index.ts'

/** A stack that nobody has formatted yet. It keeps what it saw alive, so drop it with the checkout. */
export interface CallSite {
  readonly stack?: string
}

/** Deep enough to reach the service's code through an ORM. */
const FRAME_LIMIT = 20
/** Callers that are looked at one after another, at the start and when somebody asks for more. */
const BURST = 50
/** After that, one caller in so many is: a capture costs 10 us of CPU in a loop and 40 between other work (Node 20), so that is about half a us for each. */
const ONE_IN = 64
/** And no more than 20 a second, which is under 0.1 % of a core, however busy the pool is. */
const CAPTURE_EVERY_MS = 50
const LOOK_CLOSER_EVERY_MS = 5000

const OWN_FOLDER = new URL('../..', import.meta.url)
const OWN_PREFIXES: readonly string[] = [OWN_FOLDER.href, fileURLToPath(OWN_FOLDER)]

/** Decides which callers are worth a stack, so that looking at them costs next to nothing for each statement. */
export class CallSiteSampler {
  #burst = BURST
  #passedCount = 0
  #nextMs = Number.NEGATIVE_INFINITY
  #lookedCloserMs = Number.NEGATIVE_INFINITY

  /** The stack above `from`, or `undefined` when it is not this caller's turn. */
  capture(clock: Pick<Clock, 'monotonicMs'>, from: (...args: never[]) => unknown): CallSite | undefined {
    if (this.#burst === 0 && ++this.#passedCount < ONE_IN) return undefined
    // Also where it is too early, so that the clock is read for one caller in so many and not for each.
    this.#passedCount = 0
    const nowMs = clock.monotonicMs()
    if (this.#burst > 0) this.#burst--
    else if (nowMs < this.#nextMs) return undefined
    this.#nextMs = nowMs + CAPTURE_EVERY_MS
    return captureCallSite(from)
  }

  /** Somebody was missed who matters: looks at the next callers one after another again. */
  lookCloser(nowMs: number): void {
    if (nowMs - this.#lookedCloserMs < LOOK_CLOSER_EVERY_MS) return
    this.#lookedCloserMs = nowMs
    this.#burst = BURST
  }
}

/** The stack above `from`, unformatted. 10 to 40 us. */
export function captureCallSite(from: (...args: never[]) => unknown, frameLimit: number = FRAME_LIMIT): CallSite {
  const site: CallSite = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = frameLimit
  Error.captureStackTrace(site, from)
  Error.stackTraceLimit = limit
  return site
}

/** The first frame of the service's own code, `file:line:column` relative to the working folder; else the first frame of a package; `undefined` when
 *  the stack knows neither. */
export function describeCallSite(site: CallSite): string | undefined {
  if (typeof site.stack !== 'string') return undefined
  let inPackage: string | undefined
  for (const line of site.stack.split('\n')) {
    const place = /\(([^()]+:\d+:\d+)\)$|at (?:async )?([^() ]+:\d+:\d+)$/.exec(line.trimEnd())
    const path = place?.[1] ?? place?.[2]
    if (path === undefined || path.startsWith('node:') || OWN_PREFIXES.some(prefix => path.startsWith(prefix))) continue
    if (!path.includes('/node_modules/')) return shorten(path)
    inPackage ??= shorten(path)
  }
  return inPackage
}

function shorten(path: string): string {
  const file = path.startsWith('file:') ? decodeURIComponent(path.slice('file://'.length)) : path
  const short = relative(process.cwd(), file)
  return short.startsWith('..') ? file : short
}
