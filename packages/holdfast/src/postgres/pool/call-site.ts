import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A stack that nobody has formatted yet. It keeps what it saw alive, so drop it with the checkout. */
export interface CallSite {
  readonly stack?: string
}

/** Deep enough to reach the service's code through an ORM. */
const FRAME_LIMIT = 20
/** A capture costs about 10 us of CPU on Node 20, so this many a second cost at most 0.1 % of a core, however busy the pool is. */
const CAPTURES_PER_SECOND = 100
const CAPTURE_EVERY_MS = 1000 / CAPTURES_PER_SECOND
/** Captures that a quiet pool may catch up on at once. */
const BURST = 50

const OWN_FOLDER = new URL('../..', import.meta.url)
const OWN_PREFIXES: readonly string[] = [OWN_FOLDER.href, fileURLToPath(OWN_FOLDER)]

/** Decides which checkouts are worth a stack: all of a quiet pool, a fixed number a second of a busy one. */
export class CallSiteSampler {
  readonly #frameLimit: number
  #paidUntilMs = Number.NEGATIVE_INFINITY

  constructor(frameLimit: number = FRAME_LIMIT) {
    this.#frameLimit = frameLimit
  }

  /** The stack above `from`, or `undefined` when this second's captures are used up. */
  capture(nowMs: number, from: (...args: never[]) => unknown): CallSite | undefined {
    if (this.#paidUntilMs > nowMs) return undefined
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs - BURST * CAPTURE_EVERY_MS) + CAPTURE_EVERY_MS
    return captureCallSite(from, this.#frameLimit)
  }
}

/** The stack above `from`, unformatted. About 10 us. */
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
