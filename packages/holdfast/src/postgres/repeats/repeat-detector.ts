import type { RequestScope } from '../../core/index.ts'
import { type CallSite, captureCallSite } from '../pool/call-site.ts'
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
  readonly isHandedOver: boolean
}

/** Counts each statement of a request as it is sent. On the path of every query: one look at the request's short chain of statements. */
export class RepeatDetector {
  /** Statements that were not counted, because their request had sent too many different ones. */
  uncountedCount = 0
  readonly #book: RepeatBook

  constructor(book: RepeatBook) {
    this.#book = book
  }

  /** Where a checkout was asked for, when that is worth a stack: when a traced call led here, or before the fifth call of a statement. */
  siteOfCheckout(scope: RequestScope | undefined, from: (...args: never[]) => unknown): CallSite | undefined {
    const traced = tracedCallSite()
    if (traced !== undefined) return traced
    const calls = scope?.statementCalls
    return calls instanceof RequestCalls && calls.wantsSite ? captureCallSite(from, FRAME_LIMIT) : undefined
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
    const { record } = tally
    if (tally.callCount < REPEAT_THRESHOLD) {
      calls.wantsSite = record.wantedSites > 0
      return
    }
    if (tally.callCount === REPEAT_THRESHOLD) {
      calls.wantsSite = false
      const own = this.#siteOfCall(connection, record)
      if (own !== undefined || connection.site !== undefined) tally.sites = [own, connection.site].filter(site => site !== undefined)
      if (record.wantedSites > 0) record.wantedSites--
    }
    if (!tally.isListed) this.#book.note(tally)
  }

  /** A statement sent in the callback of a checkout, as by `pool.query`, has the stack of whoever gave the connection back. */
  #siteOfCall({ isHandedOver }: Connection, { wantedSites }: StatementRecord): CallSite | undefined {
    if (isHandedOver) return undefined
    return tracedCallSite() ?? (wantedSites > 0 ? captureCallSite(RepeatDetector.prototype.count, FRAME_LIMIT) : undefined)
  }
}
