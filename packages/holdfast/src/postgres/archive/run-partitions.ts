import { readRows } from '../advisor/client.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { setLimits } from '../upkeep/upkeep-session.ts'
import { archiveErrors } from './errors.ts'
import type { ResolvedPolicy } from './policy.ts'
import { type ArchiveRunContext, isTransient, MOST_ATTEMPTS, pauseBeforeRetry } from './run-context.ts'
import { detachPartition, OLD_PARTITIONS, type OldPartitionRow, PARTITION_STATE, type PartitionStateRow } from './sql/archive-partitions.sql.ts'
import { NOTE_PARTITION, PARTITION_DONE } from './sql/archive-run.sql.ts'
import { type ArchiveSubject, lackingRight, timeTypeOf } from './subject.ts'

/** True when the policy's rows are whole partitions: the table is divided into ranges of the very column that the age is read from, and nothing else is asked
 *  of a row. A copy goes by rows, and so does a table that others refer to. */
export function goesByPartitions({ action, olderThan, where }: ResolvedPolicy, subject: ArchiveSubject): boolean {
  return (
    action !== 'copy' &&
    where === undefined &&
    subject.references.length === 0 &&
    subject.kind === 'p' &&
    subject.partitionStrategy === 'r' &&
    olderThan !== undefined &&
    subject.partitionColumn === olderThan.column
  )
}

/** Partitions that are old as a whole. Rows of the one that the moment falls into stay until all of it is old. */
export async function oldPartitions(context: Pick<ArchiveRunContext, 'client' | 'policy' | 'subject'>, cutoff: string): Promise<OldPartitions> {
  const { client, policy, subject } = context
  const type = timeTypeOf(subject, policy.olderThan!.column)
  const all = await readRows<OldPartitionRow>(client, OLD_PARTITIONS, [subject.oid, cutoff, type])
  const old = all.filter(({ isOld }) => isOld)
  return { all, old, isEverything: old.length > 0 && old.length === all.length }
}

/** Partitions of a table. */
export interface OldPartitions {
  readonly all: readonly OldPartitionRow[]
  readonly old: readonly OldPartitionRow[]
  /** None would stay. */
  readonly isEverything: boolean
}

/** @throws HF_PG_NOT_ALLOWED, HF_PG_ARCHIVE_PARTITIONS when the old partitions cannot be detached concurrently */
export function requireDetachable({ quoted, hasDefaultPartition, isOwner, owner }: ArchiveSubject, { all }: OldPartitions, role: string): void {
  if (!isOwner) throw lackingRight(role, `detach partitions of ${quoted}`, `GRANT ${quoteIdent(owner)} TO ${quoteIdent(role)}`)
  if (hasDefaultPartition === true) {
    throw archiveErrors.create('HF_PG_ARCHIVE_PARTITIONS', `${quoted} has a default partition, beside which PostgreSQL detaches none concurrently`, {
      context: { table: quoted },
    })
  }
  const pending = all.find(({ isPending, isOld }) => isPending && !isOld)
  if (pending === undefined) return
  const partition = quoteQualified(pending.schema, pending.name)
  const sql = detachPartition(quoted, partition, true)
  throw archiveErrors.create('HF_PG_ARCHIVE_PARTITIONS', `the detach of ${partition} from ${quoted} was begun and not finished: ${sql}`, {
    hint: sql,
  })
}

/** Detaches partition after partition; `delete` drops each then. The run's row says which one is in hand, so that whoever dies over it is taken up from.
 *  Returns the rows that they held. Rejects with the driver's error of a step that failed for good. */
export async function archivePartitions(
  context: ArchiveRunContext,
  partitions: readonly OldPartitionRow[],
): Promise<{ rowCount: number; names: string[] }> {
  const { client, run, signal } = context
  let { rowCount } = run
  const names = [...run.partitions]
  const take = async (oid: number): Promise<void> => {
    signal?.throwIfAborted()
    await context.replicas.whenFollowed(signal, replica => context.tell('waiting', replica, rowCount, 0))
    const done = await archivePartition(context, oid, line => context.tell('waiting', line, rowCount, 0))
    if (done === undefined) return
    rowCount += done.rowCount
    names.push(done.name)
    context.metrics.rows.bind(context.policy.name).add(done.rowCount)
    context.tell('partitions', `${context.policy.action === 'delete' ? 'dropped' : 'detached'} ${done.name} with ${done.rowCount} rows`, rowCount, 0)
  }
  if (run.partitionOid !== null) await take(run.partitionOid)
  for (const { oid } of partitions) {
    if (oid === run.partitionOid) continue
    await client.query(NOTE_PARTITION, [run.id, oid])
    await take(oid)
  }
  return { rowCount, names }
}

/** From wherever it stands to detached, counted and, for `delete`, dropped. `undefined`: it is gone, and was counted. */
async function archivePartition(
  context: ArchiveRunContext,
  oid: number,
  onWait: (line: string) => void,
): Promise<{ name: string; rowCount: number } | undefined> {
  const { client, subject, policy, run, pace } = context
  const read = async (): Promise<PartitionStateRow | undefined> => (await readRows<PartitionStateRow>(client, PARTITION_STATE, [oid, subject.oid]))[0]
  for (let attempt = 0; ; attempt += 1) {
    const state = await read()
    if (state === undefined) return undefined
    if (!state.isAttached) break
    onWait(`detaching ${state.name}`)
    try {
      // The statement waits for the transactions that use the partition; nobody waits for it meanwhile.
      await setLimits(client, { lockMs: DETACH_LOCK_MS, statementMs: 0 })
      await client.query(detachPartition(subject.quoted, quoteQualified(state.schema, state.name), state.isPending))
    } catch (error) {
      if (!isTransient(error) || attempt + 1 >= MOST_ATTEMPTS) throw error
      await pauseBeforeRetry(context, attempt)
    } finally {
      await setLimits(client, { lockMs: pace.lockLimitMs, statementMs: 0 }).catch(() => undefined)
    }
  }
  const { schema, name } = (await read())!
  const partition = quoteQualified(schema, name)
  const [counted] = await readRows<{ rows: number }>(client, `SELECT /* holdfast */ count(*)::float8 AS rows FROM ${partition}`)
  const rowCount = counted!.rows
  await client.query('BEGIN')
  try {
    if (policy.action === 'delete') await client.query(`DROP TABLE ${partition}`)
    await client.query(PARTITION_DONE, [run.id, partition, rowCount])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
  return { name: partition, rowCount }
}

/** Longest wait of a detach for one lock. Queries on the table queue behind a lock that is waited for, so it is short. */
const DETACH_LOCK_MS = 1000
