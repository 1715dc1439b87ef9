import type { Clock, RequestScope } from '../../core/index.ts'
import { type CallSite, CallSiteSampler } from '../pool/call-site.ts'
import type { StatementRecord } from '../statement-store.ts'
import { tracedCallSite } from './call-trace.ts'
import type { RepeatBook } from './repeat-book.ts'
import { COUNTED_CHARS_LIMIT } from './repeat-form.ts'
import { type CallTally, callsOf, REPEAT_THRESHOLD, RequestCalls } from './request-calls.ts'

/** Deep enough to reach the service's code through Prisma. */
const FRAME_LIMIT = 40

/** The part of a connection's state read here. */
interface Connection {
  readonly site: CallSite | undefined
  readonly nowMs: number | undefined
}

/** Counts each statement of a request as it is sent. On the path of every query: one look at the request's short chain of statements. */
export class RepeatDetector {
  /** Statements that were not counted, because their request had sent too many different ones. */
  uncountedCount = 0
  readonly #book: RepeatBook
  readonly #clock: Clock
  readonly #sites = new CallSiteSampler(FRAME_LIMIT)

  constructor(book: RepeatBook, clock: Clock) {
    this.#book = book
    this.#clock = clock
  }

  /** Where a checkout was asked for, when that is worth a stack: when a traced call led here, or before the fifth call of a statement. */
  siteOfCheckout(scope: RequestScope | undefined, askedMs: number, from: (...args: never[]) => unknown): CallSite | undefined {
    const traced = tracedCallSite()
    if (traced !== undefined) return traced
    const calls = scope?.statementCalls
    return calls instanceof RequestCalls && calls.wantsSite ? this.#sites.capture(askedMs, from) : undefined
  }

  /** The tally that the call was counted in; `undefined` for one that is not counted. */
  count(connection: Connection, scope: RequestScope, record: StatementRecord, text: string, values: unknown): CallTally | undefined {
    if (!record.form.counts || text.length > COUNTED_CHARS_LIMIT) return undefined
    const calls = callsOf(scope)
    if (calls === undefined) return undefined
    const tally = calls.count(record, scope, text, values)
    if (tally === undefined) this.uncountedCount++
    else if (tally.callCount >= REPEAT_THRESHOLD - 1) this.#noteRepeat(connection, calls, tally)
    return tally
  }

  #noteRepeat(connection: Connection, calls: RequestCalls, tally: CallTally): void {
    if (tally.callCount < REPEAT_THRESHOLD) {
      calls.wantsSite = true
      return
    }
    if (tally.callCount === REPEAT_THRESHOLD) {
      calls.wantsSite = false
      tally.sites = [this.#siteOfCall(connection), connection.site].filter(site => site !== undefined)
    }
    if (!tally.isListed) this.#book.note(tally)
  }

  /** A statement sent in the callback of a checkout, as by `pool.query`, has the stack of whoever gave the connection back. */
  #siteOfCall({ nowMs }: Connection): CallSite | undefined {
    if (nowMs !== undefined) return undefined
    return tracedCallSite() ?? this.#sites.capture(this.#clock.monotonicMs(), RepeatDetector.prototype.count)
  }
}
