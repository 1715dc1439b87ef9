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
/** When so many were added, those of answered requests are counted at once: what is kept until the next second survives collections of garbage, which cost
 *  more than the counting. */
const COUNTED_AT = 32
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

/** What one tally has added to a pattern so far. It stays with the tally, so that a request which goes on after it was done with is taken up where it was
 *  left. */
class Counted {
  pattern: Pattern | undefined
  callCount = 0
  distinctCount = 0
  repeatMs = 0
  lookCount = 0
  /** Calls that were reported. */
  reportedCount = 0

  /** Begins anew, for `pattern`. */
  moveTo(pattern: Pattern | undefined): void {
    this.pattern = pattern
    this.callCount = 0
    this.distinctCount = 0
    this.repeatMs = 0
  }
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
  /** The one that was counted last, which is most often the next one too. */
  #newest: Pattern | undefined
  #listed: CallTally[] = []
  #countAt = COUNTED_AT
  /** Patterns that were forgotten for want of room. */
  forgottenCount = 0

  constructor(deps: RepeatBookDeps) {
    this.#deps = deps
  }

  /** Takes a tally that has reached the threshold. Its numbers are read later. */
  note(tally: CallTally): void {
    tally.isListed = true
    this.#listed.push(tally)
    if (this.#listed.length < this.#countAt) return
    this.#settle(isAnswered)
    if (this.#listed.length >= LISTED_LIMIT) this.look(true)
    // Doubled, so that requests which take long are not looked at again and again.
    this.#countAt = Math.max(COUNTED_AT, this.#listed.length * 2)
  }

  /** Counts what is listed. Called once a second; requests that are answered are then done with.
   *  @param isFull true: all are done with, answered or not. */
  look(isFull = false): void {
    this.#settle(tally => isFull || isAnswered(tally) || ++countedOf(tally).lookCount >= LOOKS_LIMIT)
  }

  /** Counts those that are done with, and takes them off the list. */
  #settle(isDone: (tally: CallTally) => boolean): void {
    this.#listed = this.#listed.filter(tally => {
      if (!isDone(tally)) return true
      const counted = countedOf(tally)
      this.#count(tally, counted)
      tally.isListed = false
      tally.sites = undefined
      const { pattern, callCount } = counted
      const more = callCount - counted.reportedCount
      if (pattern !== undefined && more > 0) this.#deps.onRepeated(pattern.rule, more, counted.reportedCount === 0)
      counted.reportedCount = callCount
      return false
    })
  }

  /** All patterns, by the time that they cost. */
  repeats(): readonly StatementRepeat[] {
    for (const tally of this.#listed) if (isAnswered(tally)) this.#count(tally, countedOf(tally))
    return [...this.#patterns.values()]
      .filter(pattern => pattern.requestCount > 0)
      .map(pattern => this.#describe(pattern))
      .sort((a, b) => b.repeatMs - a.repeatMs)
  }

  #count(tally: CallTally, counted: Counted): void {
    const rule = ruleOf(tally)
    const pattern = rule === undefined ? undefined : this.#patternOf(rule, tally)
    if (counted.pattern !== pattern) {
      // A request turned out to be something else: its sixth call had other parameters.
      if (counted.pattern !== undefined) add(counted.pattern, -1, -counted.callCount, -counted.distinctCount, -counted.repeatMs)
      if (pattern !== undefined) add(pattern, 1, 0, 0, 0)
      counted.moveTo(pattern)
    }
    if (pattern === undefined) return
    const { callCount, distinctCount, repeatMs } = tally
    add(pattern, 0, callCount - counted.callCount, distinctCount - counted.distinctCount, repeatMs - counted.repeatMs)
    pattern.mostCalls = Math.max(pattern.mostCalls, callCount)
    counted.callCount = callCount
    counted.distinctCount = distinctCount
    counted.repeatMs = repeatMs
    if (pattern.callSite === undefined && pattern.siteTries < SITE_TRIES) this.#findSite(pattern, tally)
  }

  /** A stack costs 100 us and more to read, so one is read for each pattern, and a few more when it leads nowhere. */
  #findSite(pattern: Pattern, { record, sites }: CallTally): void {
    if (sites !== undefined) {
      pattern.siteTries++
      pattern.callSite = describeBest(sites)
    }
    if (pattern.callSite === undefined && record.wantedSites === 0) record.wantedSites = 1
  }

  #patternOf(rule: RepeatRule, { record, scope: { route } }: CallTally): Pattern | undefined {
    const newest = this.#newest
    if (newest !== undefined && newest.record === record && newest.route === route && newest.rule === rule) return newest
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
    this.#newest = pattern
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

function isAnswered({ scope }: CallTally): boolean {
  return scope.route !== undefined
}

function countedOf(tally: CallTally): Counted {
  if (tally.counted instanceof Counted) return tally.counted
  const counted = new Counted()
  tally.counted = counted
  return counted
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
