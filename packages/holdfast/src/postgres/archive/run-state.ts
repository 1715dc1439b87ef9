import { createHash } from 'node:crypto'
import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { FIRST_BATCH_ROWS } from './pace.ts'
import type { ResolvedPolicy } from './policy.ts'
import {
  type ArchiveRunRow,
  BEGIN_ARCHIVE_RUN,
  END_ARCHIVE_RUN,
  FORGET_ARCHIVE_RUNS,
  IS_ARCHIVE_DUE_DONE,
  LAST_ARCHIVE_RUN,
  RESUME_ARCHIVE_RUN,
} from './sql/archive-run.sql.ts'

/** A run as it stands in the database. */
export interface ArchiveRunState extends ArchiveRunRow {
  /** It was begun by a process that did not finish it. */
  readonly isResumed: boolean
}

/** True when the run of a moment of the schedule is over. */
export async function isDueDone(client: AdvisorClient, policy: string, dueAtMs: number): Promise<boolean> {
  const [row] = await readRows<{ done: boolean }>(client, IS_ARCHIVE_DUE_DONE, [policy, dueAtMs])
  return row?.done === true
}

/** The run to go on with: the last one when it did not end and means the same rows, else a new one. Needs the policy's lock. */
export async function openRun(client: AdvisorClient, policy: ResolvedPolicy, dueAtMs: number | undefined): Promise<ArchiveRunState> {
  const definition = definitionOf(policy)
  const [last] = await readRows<ArchiveRunRow>(client, LAST_ARCHIVE_RUN, [policy.name])
  if (last !== undefined && !last.isFinished) {
    if (last.definition === definition) {
      await client.query(RESUME_ARCHIVE_RUN, [last.id, dueAtMs ?? null])
      return { ...last, isResumed: true }
    }
    await client.query(END_ARCHIVE_RUN, [last.id, 'replaced'])
  }
  await client.query(FORGET_ARCHIVE_RUNS, [policy.name])
  await client.query(BEGIN_ARCHIVE_RUN, [policy.name, definition, dueAtMs ?? null, policy.olderThan?.ageMs ?? null, FIRST_BATCH_ROWS])
  return { ...(await readRun(client, policy.name)), isResumed: false }
}

/** The last run of the policy. */
export async function readRun(client: AdvisorClient, policy: string): Promise<ArchiveRunRow> {
  const [row] = await readRows<ArchiveRunRow>(client, LAST_ARCHIVE_RUN, [policy])
  return row!
}

/** What the rows and their way depend on: a run of another definition is not gone on with. */
function definitionOf({ table, action, olderThan, where, into, skipsReferenced }: ResolvedPolicy): string {
  return createHash('sha256')
    .update(JSON.stringify([table, action, olderThan, where, into, skipsReferenced]))
    .digest('hex')
}
