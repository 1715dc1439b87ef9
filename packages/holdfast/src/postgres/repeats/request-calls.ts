import type { RequestScope } from '../../core/index.ts'
import type { CallSite } from '../pool/call-site.ts'
import type { StatementRecord } from '../statement-store.ts'
import { hashBinds, hashText } from './bind-hash.ts'
import { isBatch } from './repeat-form.ts'

/** Calls of one statement in one request from which on it is a pattern. Four small reads are cheaper than the code that saves them. */
export const REPEAT_THRESHOLD = 5
/** Different statements that are counted in one request; further ones are not. */
export const STATEMENTS_PER_REQUEST = 64
/** Different sets of parameters that are told apart in one request. */
export const DISTINCT_LIMIT = 64

/** Calls of one statement in one request. */
export class CallTally {
  readonly record: StatementRecord
  readonly scope: RequestScope
  readonly next: CallTally | undefined
  callCount = 0
  /** Calls that asked for no list. */
  singleCount = 0
  endedCount = 0
  /** Time of all calls but the first, in ms. */
  repeatMs = 0
  /** Where the fifth call came from, the likeliest first; `undefined` for a call that was not looked at. */
  sites: readonly CallSite[] | undefined
  /** True while the book has it on its list. */
  isListed = false
  /** What the book has counted of it so far; nobody else looks inside. */
  counted: object | undefined
  readonly #text: string
  readonly #firstHash: number
  /** Of differing parameters. Small integers in a plain array: at this length a search costs less than the buckets of a Set. */
  #hashes: number[] | undefined

  constructor(record: StatementRecord, scope: RequestScope, next: CallTally | undefined, text: string, values: unknown) {
    this.record = record
    this.scope = scope
    this.next = next
    this.#text = text
    this.#firstHash = hashBinds(values)
  }

  /** Different sets of parameters, at most {@link DISTINCT_LIMIT}. */
  get distinctCount(): number {
    return this.#hashes?.length ?? 1
  }

  add(text: string, values: unknown): void {
    this.callCount++
    const { form } = this.record
    if (!(form.mayTakeArray || form.mayTakeList) || !isBatch(form, text, values)) this.singleCount++
    if (this.callCount === 1 || this.distinctCount >= DISTINCT_LIMIT) return
    // Literals in the text are parameters too.
    const hash = text === this.#text ? hashBinds(values) : hashBinds(values) ^ hashText(text)
    if (hash === this.#firstHash && this.#hashes === undefined) return
    this.#hashes ??= [this.#firstHash]
    if (!this.#hashes.includes(hash)) this.#hashes.push(hash)
  }

  end(tookMs: number): void {
    if (this.endedCount++ > 0) this.repeatMs += tookMs
  }
}

/** What one request sent, by statement: a chain, newest first, because most requests send few statements and a loop sends the same again. */
export class RequestCalls {
  #head: CallTally | undefined
  #size = 0
  /** True between the fourth and the fifth call of a statement: the next checkout is worth a stack. */
  wantsSite = false

  /** The tally of this call, counted; `undefined` beyond the limit of statements. */
  count(record: StatementRecord, scope: RequestScope, text: string, values: unknown): CallTally | undefined {
    let tally = this.#head
    while (tally !== undefined && tally.record !== record) tally = tally.next
    if (tally === undefined) {
      if (this.#size === STATEMENTS_PER_REQUEST) return undefined
      this.#size++
      tally = new CallTally(record, scope, this.#head, text, values)
      this.#head = tally
    }
    tally.add(text, values)
    return tally
  }
}

/** In the place of a request's calls: nothing is counted, because its repeats are meant. */
export const ALLOWED_REPEATS: object = Object.freeze({})

/** The request's calls; `undefined` where repeats are allowed. */
export function callsOf(scope: RequestScope): RequestCalls | undefined {
  const { statementCalls } = scope
  if (statementCalls instanceof RequestCalls) return statementCalls
  if (statementCalls === ALLOWED_REPEATS) return undefined
  const calls = new RequestCalls()
  scope.statementCalls = calls
  return calls
}
