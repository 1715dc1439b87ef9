import type { Clock, ClockTimer } from '../core/index.ts'
import { createHistogram, type Histogram, type HistogramSnapshot, mergeHistograms } from '../telemetry/index.ts'
import { BindReservoir, type BindSample } from './bind-reservoir.ts'
import { identifyStatement, STORED_TEXT_LIMIT, type StatementIdentity } from './fingerprint.ts'
import { type RepeatForm, repeatFormOf, UNCOUNTED } from './repeats/repeat-form.ts'
import { parametersAsShown } from './shown-parameters.ts'
import { LEXED_CHARS_LIMIT, paramOrderOf, shapeOf } from './statement-shape.ts'

const WANTED_SITES = 5

/** Fingerprint of everything beyond the limit. */
export const OTHER_STATEMENTS = 'other'

/** What was measured of one statement, since the start. Plain data. */
export interface StatementSnapshot {
  /** 16 hexadecimal digits by libpg_query; `~` and 15 digits where the parser refused the text; `other` beyond the limit. */
  readonly fingerprint: string
  /** Normalised text, at most 8,192 characters; literals never. */
  readonly text: string
  /** Executions that ended, failed ones included. */
  readonly callCount: number
  readonly errorCount: number
  /** Rows returned or changed. */
  readonly rowCount: number
  /** From send to the last row; waiting for a connection not included. */
  readonly totalMs: number
  /** Durations in seconds. */
  readonly histogram: HistogramSnapshot
  /** Time that calls of this statement waited for a pooled connection; of a checkout with several statements, the first one's. */
  readonly waitMs: number
}

/** Numbers of one shape of statement. The hot path writes here; each distinct raw text is bound to one. */
export class StatementRecord {
  readonly histogram: Histogram = createHistogram()
  readonly binds: BindReservoir = new BindReservoir()
  readonly form: RepeatForm
  callCount = 0
  errorCount = 0
  rowCount = 0
  totalMs = 0
  waitMs = 0
  /** Where a call came from, once one was looked at; empty when its stack did not tell. */
  callSite: string | undefined
  /** Requests whose fifth call is still worth a stack; where one leads nowhere, or to another route's code, more are asked for. */
  wantedSites: number = WANTED_SITES
  /** Absent until the statement was parsed: when somebody asked, or off the path. */
  identity: StatementIdentity | undefined

  constructor(form: RepeatForm) {
    this.form = form
  }
}

/** Statements seen, bounded by count and by bytes. */
export interface StatementStore {
  /** The record of a raw text: one Map look-up when the same text was seen lately. */
  recordOf(text: string): StatementRecord
  /** The identity, computed now when it is not known yet. */
  identify(record: StatementRecord): StatementIdentity
  snapshot(): readonly StatementSnapshot[]
  bindSamples(fingerprint: string): readonly BindSample[]
  /** Of a text of pg_stat_statements, whose parameters are also the constants of the texts that were sent. */
  bindsOf(text: string): readonly BindSample[]
  /** Durations of all statements together, in seconds. Summed when asked, so that the path of a query records each duration once. */
  durations(): HistogramSnapshot
  /** Calls counted under `other` for want of room. */
  readonly overflowCount: number
  close(): void
}

/** Options of {@link createStatementStore}. */
export interface StatementStoreOptions {
  readonly clock: Clock
  /** Distinct shapes kept; each costs 3 to 12 kB, and its sampled texts up to 23 kB. */
  readonly statementLimit: number
}

/** Raw texts remembered, in two generations: texts seen lately survive, and forgetting costs nothing. */
const TEXTS_PER_GENERATION = 2000
const CHARS_PER_GENERATION = 2_000_000
/** Statements that wait for somebody to ask before they are parsed. The first parse of a process compiles the parser, which costs the event loop 40 ms and other threads
 *  half a second of CPU (libpg-query 18 on Node 20): a process that nobody asks, or a short one, does without. */
const UNPARSED_LIMIT = 64
/** Statements parsed in one go, so that a burst of new ones never holds the event loop for more than about 2 ms. */
const PARSED_PER_BATCH = 16
const BATCH_PAUSE_MS = 20

/** An empty store. */
export function createStatementStore(options: StatementStoreOptions): StatementStore {
  return new BoundedStatementStore(options)
}

class BoundedStatementStore implements StatementStore {
  readonly #clock: Clock
  readonly #limit: number
  #young = new Map<string, StatementRecord>()
  #old = new Map<string, StatementRecord>()
  #youngChars = 0
  readonly #shapes = new Map<string, StatementRecord>()
  readonly #unparsed = new Map<StatementRecord, string>()
  readonly #other = new StatementRecord(UNCOUNTED)
  #timer: ClockTimer | undefined

  constructor(options: StatementStoreOptions) {
    this.#clock = options.clock
    this.#limit = options.statementLimit
    this.#other.identity = { fingerprint: OTHER_STATEMENTS, text: `(statements beyond the first ${options.statementLimit})` }
  }

  recordOf(text: string): StatementRecord {
    return this.#young.get(text) ?? this.#recall(text)
  }

  get overflowCount(): number {
    return this.#other.callCount
  }

  identify(record: StatementRecord): StatementIdentity {
    if (record.identity === undefined) {
      record.identity = identifyStatement(this.#unparsed.get(record) ?? '')
      this.#unparsed.delete(record)
    }
    return record.identity
  }

  snapshot(): readonly StatementSnapshot[] {
    const byFingerprint = new Map<string, StatementRecord[]>()
    for (const record of [...this.#shapes.values(), this.#other]) {
      if (record.callCount === 0) continue
      const { fingerprint } = this.identify(record)
      const group = byFingerprint.get(fingerprint)
      if (group === undefined) byFingerprint.set(fingerprint, [record])
      else group.push(record)
    }
    return [...byFingerprint.values()].map(summarise)
  }

  bindSamples(fingerprint: string): readonly BindSample[] {
    return [...this.#shapes.values()].filter(record => this.identify(record).fingerprint === fingerprint).flatMap(record => record.binds.samples())
  }

  bindsOf(text: string): readonly BindSample[] {
    const { fingerprint } = identifyStatement(text)
    const shape = shapeOf(text)
    return [...this.#shapes]
      .filter(([key, record]) => record.callCount > 0 && (this.identify(record).fingerprint === fingerprint || key.startsWith(shape)))
      .flatMap(([, record]) => record.binds.sentSamples())
      .flatMap(({ text: sent, values, ...sample }) => {
        const shown = parametersAsShown(text, sent, values)
        return shown === undefined ? [] : [{ ...sample, values: shown }]
      })
  }

  durations(): HistogramSnapshot {
    return mergeHistograms([...this.#shapes.values(), this.#other].map(record => record.histogram.snapshot()))
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #recall(text: string): StatementRecord {
    const record = this.#old.get(text) ?? this.#recordOfShape(text)
    if (text.length > LEXED_CHARS_LIMIT) return record
    if (this.#young.size >= TEXTS_PER_GENERATION || this.#youngChars + text.length > CHARS_PER_GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngChars = 0
    }
    this.#young.set(text, record)
    this.#youngChars += text.length
    return record
  }

  #recordOfShape(text: string): StatementRecord {
    const shape = shapeOf(text)
    // Two long statements that agree in their first 8,192 characters of shape are counted as one.
    const kept = shape.length > STORED_TEXT_LIMIT ? flatCopy(shape.slice(0, STORED_TEXT_LIMIT)) : shape
    // A record of its own, so that its sampled parameters are in one order. Both are one statement to those who ask.
    const order = paramOrderOf(text)
    const key = order === '' ? kept : `${kept} ${order}`
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    if (this.#shapes.size >= this.#limit) return this.#other
    const record = new StatementRecord(repeatFormOf(kept))
    this.#shapes.set(key, record)
    this.#unparsed.set(record, text.length > STORED_TEXT_LIMIT ? shape : text)
    if (this.#unparsed.size > UNPARSED_LIMIT) this.#timer ??= this.#clock.after(BATCH_PAUSE_MS, () => this.#parseBatch())
    return record
  }

  #parseBatch(): void {
    this.#timer = undefined
    let parsed = 0
    for (const record of this.#unparsed.keys()) {
      if (parsed++ === PARSED_PER_BATCH) break
      this.identify(record)
    }
    if (this.#unparsed.size > 0) this.#timer = this.#clock.after(BATCH_PAUSE_MS, () => this.#parseBatch())
  }
}

function summarise(records: readonly StatementRecord[]): StatementSnapshot {
  const sum = (read: (record: StatementRecord) => number): number => records.reduce((total, record) => total + read(record), 0)
  return {
    ...records[0]!.identity!,
    callCount: sum(record => record.callCount),
    errorCount: sum(record => record.errorCount),
    rowCount: sum(record => record.rowCount),
    totalMs: sum(record => record.totalMs),
    histogram: mergeHistograms(records.map(record => record.histogram.snapshot())),
    waitMs: sum(record => record.waitMs),
  }
}

/** A slice keeps the string it was cut from alive; a copy does not. */
function flatCopy(text: string): string {
  return Buffer.from(text).toString()
}
