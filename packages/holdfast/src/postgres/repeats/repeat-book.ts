import { type CallSite, describeCallSite } from '../pool/call-site.ts'
import type { StatementRecord, StatementStore } from '../statement-store.ts'
import { type CallTally, REPEAT_THRESHOLD } from './request-calls.ts'

/** What a repeat is: the same statement with other parameters again and again, or the very same read. */
export type RepeatRule = 'pg/n-plus-one' | 'pg/duplicate-read'

/** One statement that requests of one route send again and again. Plain data; counts are since the start. */
export interface StatementRepeat {
  readonly rule: RepeatRule
  readonly fingerprint: string
  /** Normalised text; literals never. */
  readonly text: string
  /** Route pattern; `undefined` for a request that got none, as outside of HTTP, which shows a minute later. */
  readonly route: string | undefined
  /** `file:line:column` of the code that sent a fifth call; `undefined` when its stack did not lead there. */
  readonly callSite: string | undefined
  /** True for INSERT, UPDATE, DELETE and MERGE. */
  readonly isWrite: boolean
  /** Requests that sent it five times or more. */
  readonly requestCount: number
  /** Calls in those requests. */
  readonly callCount: number
  /** Different sets of parameters in those requests, at most 64 of each. */
  readonly distinctCount: number
  /** The most calls in one request. */
  readonly mostCalls: number
  /** Time of all calls but the first of each request, in ms: what one statement instead of many would save at most. */
  readonly repeatMs: number
}

/** Patterns kept; the one that was seen longest ago makes room. */
const PATTERN_LIMIT = 200
/** Tallies that wait for their request to end, and so for its route. */
const LISTED_LIMIT = 1000
/** Stacks that are read for a pattern until one leads to a line of code. */
const SITE_TRIES = 5
/** Looks after which a request is no longer waited for. */
const LOOKS_LIMIT = 60

interface Pattern {
  readonly rule: RepeatRule
  readonly record: StatementRecord
  readonly route: string | undefined
  callSite: string | undefined
  siteTries: number
  requestCount: number
  callCount: number
  distinctCount: number
  mostCalls: number
  repeatMs: number
}

/** What one tally has added to a pattern so far. */
interface Entry {
  readonly tally: CallTally
  pattern: Pattern | undefined
  callCount: number
  distinctCount: number
  repeatMs: number
  lookCount: number
  /** Calls that were reported. */
  reportedCount: number
}

/** What {@link RepeatBook} works with. */
export interface RepeatBookDeps {
  readonly store: StatementStore
  /** Routes and fingerprints whose repeats are meant. */
  readonly allowed: ReadonlySet<string>
  /** Called when a request is done with: it sent this many calls of one statement, or this many more where `isNew` is false. */
  onRepeated(rule: RepeatRule, callCount: number, isNew: boolean): void
}

/** Adds up repeats by route and statement, off the path of queries. */
export class RepeatBook {
  readonly #deps: RepeatBookDeps
  readonly #patterns = new Map<string, Pattern>()
  #entries: Entry[] = []
  /** A request that goes on after it was done with is taken up where it was left. */
  readonly #entryOf = new WeakMap<CallTally, Entry>()
  /** Patterns that were forgotten for want of room. */
  forgottenCount = 0

  constructor(deps: RepeatBookDeps) {
    this.#deps = deps
  }

  /** Takes a tally that has reached the threshold. Its numbers are read later. */
  note(tally: CallTally): void {
    tally.isListed = true
    const nothing = { pattern: undefined, callCount: 0, distinctCount: 0, repeatMs: 0, lookCount: 0, reportedCount: 0 }
    const entry = this.#entryOf.get(tally) ?? { tally, ...nothing }
    this.#entryOf.set(tally, entry)
    this.#entries.push(entry)
    if (this.#entries.length >= LISTED_LIMIT) this.look(true)
  }

  /** Counts what is listed. Called once a second; requests that are answered are then done with.
   *  @param isFull true: all are done with, answered or not. */
  look(isFull = false): void {
    this.#entries = this.#entries.filter(entry => {
      const { tally } = entry
      if (!isFull && tally.scope.route === undefined && ++entry.lookCount < LOOKS_LIMIT) return true
      this.#count(entry)
      tally.isListed = false
      tally.sites = []
      const { pattern, callCount } = entry
      const more = callCount - entry.reportedCount
      if (pattern !== undefined && more > 0) this.#deps.onRepeated(pattern.rule, more, entry.reportedCount === 0)
      entry.reportedCount = callCount
      return false
    })
  }

  /** All patterns, by the time that they cost. */
  repeats(): readonly StatementRepeat[] {
    for (const entry of this.#entries) if (entry.tally.scope.route !== undefined) this.#count(entry)
    return [...this.#patterns.values()]
      .filter(pattern => pattern.requestCount > 0)
      .map(pattern => this.#describe(pattern))
      .sort((a, b) => b.repeatMs - a.repeatMs)
  }

  #count(entry: Entry): void {
    const { tally } = entry
    const rule = ruleOf(tally)
    const pattern = rule === undefined ? undefined : this.#patternOf(rule, tally)
    if (entry.pattern !== pattern) {
      // A request turned out to be something else: its sixth call had other parameters.
      if (entry.pattern !== undefined) add(entry.pattern, -1, -entry.callCount, -entry.distinctCount, -entry.repeatMs)
      if (pattern !== undefined) add(pattern, 1, 0, 0, 0)
      Object.assign(entry, { pattern, callCount: 0, distinctCount: 0, repeatMs: 0 })
    }
    if (pattern === undefined) return
    const { callCount, distinctCount, repeatMs } = tally
    add(pattern, 0, callCount - entry.callCount, distinctCount - entry.distinctCount, repeatMs - entry.repeatMs)
    pattern.mostCalls = Math.max(pattern.mostCalls, callCount)
    Object.assign(entry, { callCount, distinctCount, repeatMs })
    // A stack costs 100 us and more to read, so one is read for each pattern, and a few more when it leads nowhere.
    if (pattern.callSite === undefined && tally.sites.length > 0 && pattern.siteTries++ < SITE_TRIES) pattern.callSite = describeBest(tally.sites)
  }

  #patternOf(rule: RepeatRule, { record, scope: { route } }: CallTally): Pattern | undefined {
    const { allowed, store } = this.#deps
    const { fingerprint } = store.identify(record)
    if (allowed.has(fingerprint) || (route !== undefined && allowed.has(route))) return undefined
    const key = `${rule} ${fingerprint} ${route}`
    const known = this.#patterns.get(key)
    const empty = { requestCount: 0, callCount: 0, distinctCount: 0, mostCalls: 0, repeatMs: 0, callSite: undefined, siteTries: 0 }
    const pattern: Pattern = known ?? { rule, record, route, ...empty }
    // In order of use, so that the first is the one to forget.
    this.#patterns.delete(key)
    this.#patterns.set(key, pattern)
    if (this.#patterns.size > PATTERN_LIMIT) {
      this.forgottenCount++
      this.#patterns.delete(this.#patterns.keys().next().value!)
    }
    return pattern
  }

  #describe({ record, siteTries: _, ...pattern }: Pattern): StatementRepeat {
    return { ...this.#deps.store.identify(record), ...pattern, isWrite: record.form.isWrite }
  }
}

function add(pattern: Pattern, requests: number, calls: number, distinct: number, ms: number): void {
  pattern.requestCount += requests
  pattern.callCount += calls
  pattern.distinctCount += distinct
  pattern.repeatMs += ms
}

/** The first that names the service's own code; else the first that names any. */
function describeBest(sites: readonly CallSite[]): string | undefined {
  const described = sites.flatMap(site => describeCallSite(site) ?? [])
  return described.find(place => !place.includes('node_modules/')) ?? described[0]
}

/** Which rule the calls of a request break so far. A batch that runs often breaks none: it asks for several rows at once already; the same batch again and
 *  again is a duplicate. */
export function ruleOf({ callCount, singleCount, distinctCount, record }: CallTally): RepeatRule | undefined {
  if (callCount < REPEAT_THRESHOLD) return undefined
  if (distinctCount === 1) return record.form.isWrite ? undefined : 'pg/duplicate-read'
  return singleCount >= REPEAT_THRESHOLD ? 'pg/n-plus-one' : undefined
}
