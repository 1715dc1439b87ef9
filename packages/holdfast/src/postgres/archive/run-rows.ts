import { delay } from '../../core/index.ts'
import { readRows, sqlStateOf } from '../advisor/client.ts'
import { quoteIdent } from '../advisor/identifier.ts'
import { conditionOf, fromClause } from './condition.ts'
import { LEAST_BATCH_ROWS, nextBatchRows, nextWindowRows, pauseAfter } from './pace.ts'
import { type ArchiveRunContext, isTransient, MOST_ATTEMPTS, pauseBeforeRetry } from './run-context.ts'
import { type ArchiveBatchRow, archiveBatch, type BatchText, type BatchWork, type ScannedKeyRow, scanKeys } from './sql/archive-batch.sql.ts'
import { NEXT_ARCHIVE_PASS } from './sql/archive-run.sql.ts'

/** Passes over the table for rows that were locked, or referred to, the time before. */
const MOST_PASSES = 20

/** What was done by rows. */
export interface RowsOutcome {
  readonly rowCount: number
  readonly batchCount: number
  readonly leftCount: number
  readonly longestBatchMs: number
}

/** Goes through the table by primary key, batch by batch, from where the run stands. A batch and its progress are one statement: whoever dies leaves both or
 *  neither. Rejects with the driver's error of a step that failed for good. */
export function archiveRows(context: ArchiveRunContext): Promise<RowsOutcome> {
  return new RowsRun(context).run()
}

class RowsRun {
  readonly #context: ArchiveRunContext
  readonly #text: BatchText
  readonly #work: BatchWork
  #position: readonly string[] | null
  #batchRows: number
  #windowRows: number
  #rowCount: number
  #batchCount: number
  #pass: number
  #passRows: number
  #passSkipped: number
  #longestBatchMs = 0

  constructor(context: ArchiveRunContext) {
    const { run, subject, policy, target } = context
    this.#context = context
    this.#text = {
      from: fromClause(subject),
      condition: conditionOf(policy, subject, run.cutoff),
      key: subject.key.map(({ name, bareType }) => ({ name: quoteIdent(name), type: bareType })),
    }
    this.#work = workOf(policy.action, target, this.#text)
    this.#position = run.position
    this.#batchRows = Math.min(run.batchRows, context.pace.mostBatchRows)
    this.#windowRows = this.#batchRows
    this.#rowCount = run.rowCount
    this.#batchCount = run.batchCount
    this.#pass = run.pass
    this.#passRows = run.passRows
    this.#passSkipped = run.passSkipped
  }

  async run(): Promise<RowsOutcome> {
    const { signal, clock, pace, replicas } = this.#context
    for (;;) {
      signal?.throwIfAborted()
      await replicas.whenFollowed(signal, replica => this.#tell('waiting', replica))
      const startedMs = clock.monotonicMs()
      const { keys, end } = await this.#scan()
      if (keys.length > 0) await this.#batch(keys, keys.length < this.#batchRows ? (end ?? keys.at(-1)!) : keys.at(-1)!)
      else if (end !== undefined) this.#position = end
      else if (!(await this.#beginPass())) break
      await delay(clock, pauseAfter(clock.monotonicMs() - startedMs, pace), signal)
    }
    return { rowCount: this.#rowCount, batchCount: this.#batchCount, leftCount: this.#passSkipped, longestBatchMs: this.#longestBatchMs }
  }

  /** The next rows of the policy; `end` is the last row looked at, absent at the end of the table. */
  async #scan(): Promise<{ keys: readonly (readonly string[])[]; end: readonly string[] | undefined }> {
    const rows = await this.#insistently(async () => {
      const window = Math.max(this.#windowRows, this.#batchRows)
      const found = await readRows<ScannedKeyRow>(this.#context.client, scanKeys(this.#text, this.#position === null), [
        window,
        this.#batchRows,
        ...(this.#position ?? []),
      ])
      this.#windowRows = nextWindowRows(window, found.filter(({ isHit }) => isHit).length, this.#batchRows)
      return found
    })
    return { keys: rows.filter(({ isHit }) => isHit).map(({ key }) => key), end: rows.find(({ isHit }) => !isHit)?.key }
  }

  async #batch(keys: readonly (readonly string[])[], end: readonly string[]): Promise<void> {
    const { client, clock, run, metrics, policy, pace } = this.#context
    let taken = keys
    const statement = archiveBatch(this.#text, this.#work)
    const { rowCount, after, tookMs } = await this.#insistently(async () => {
      taken = taken.slice(0, this.#batchRows)
      const position = taken.length < keys.length ? taken.at(-1)! : end
      const startedMs = clock.monotonicMs()
      const columns = this.#text.key.map((_, at) => taken.map(key => key[at]))
      const [row] = await readRows<ArchiveBatchRow>(client, statement, [run.id, position, this.#batchRows, ...columns])
      return { rowCount: row!.rowCount, after: position, tookMs: clock.monotonicMs() - startedMs }
    })
    this.#position = after
    this.#rowCount += rowCount
    this.#batchCount += 1
    this.#passRows += rowCount
    if (policy.action !== 'copy') this.#passSkipped += taken.length - rowCount
    this.#longestBatchMs = Math.max(this.#longestBatchMs, tookMs)
    metrics.rows.bind(policy.name).add(rowCount)
    metrics.batchSeconds.record(tookMs / 1000)
    // A batch that was not full says little of a full one.
    if (taken.length >= this.#batchRows / 2) this.#batchRows = nextBatchRows(this.#batchRows, tookMs, pace)
    this.#tell('rows', `${this.#rowCount} rows, last batch ${rowCount} in ${Math.round(tookMs)} ms`)
  }

  /** False when the table is done. Rows that were passed over are looked for again, as long as that gets any further. */
  async #beginPass(): Promise<boolean> {
    const { client, run, subject } = this.#context
    const gotFurther = this.#passRows > 0
    // Rows that referred to others of the same table are gone now.
    const mayBeFree = gotFurther && subject.references.some(({ isSelf }) => isSelf)
    const wasSkipped = this.#passSkipped > 0 && (this.#pass === 1 || gotFurther)
    if (this.#pass >= MOST_PASSES || !(mayBeFree || wasSkipped)) return false
    await client.query(NEXT_ARCHIVE_PASS, [run.id])
    this.#pass += 1
    this.#passRows = 0
    this.#passSkipped = 0
    this.#position = null
    return true
  }

  /** Tries a step again, smaller each time when it took too long. */
  async #insistently<T>(step: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await step()
      } catch (error) {
        if (!isTransient(error) || attempt + 1 >= MOST_ATTEMPTS) throw error
        if (sqlStateOf(error) === '57014') {
          this.#batchRows = Math.max(LEAST_BATCH_ROWS, this.#batchRows >> 1)
          this.#windowRows = Math.max(LEAST_BATCH_ROWS, this.#windowRows >> 1)
        }
        this.#tell('waiting', sqlStateOf(error) === '57014' ? 'a step took too long and is made smaller' : 'a lock was not to be had')
        await pauseBeforeRetry(this.#context, attempt)
      }
    }
  }

  #tell(phase: 'rows' | 'waiting', line: string): void {
    this.#context.tell(phase, line, this.#rowCount, this.#batchRows)
  }
}

function workOf(action: 'move' | 'copy' | 'delete', target: ArchiveRunContext['target'], { key }: BatchText): BatchWork {
  if (action === 'delete' || target === undefined) return { kind: 'delete' }
  const { quoted: into, columns } = target
  return action === 'move' ? { kind: 'move', into, columns } : { kind: 'copy', into, columns, key: key.map(({ name }) => name) }
}
