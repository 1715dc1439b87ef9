import { randomUUID } from 'node:crypto'
import { unobserved } from '../../postgres/index.ts'
import type { PreparedJob } from '../prepare-job.ts'
import type { FenceTransaction } from '../running-job.ts'
import { type OutboxOptions, WRITE_OUTBOX } from '../sql/outbox.sql.ts'

/** Writes jobs into the outbox, in the caller's transaction. Returns their ids. 1 round trip. Rejects with the driver's error. */
export async function writeOutbox(tx: FenceTransaction, namespace: string, jobs: readonly PreparedJob[]): Promise<string[]> {
  const ids = jobs.map(({ id }) => id ?? randomUUID())
  const column = (read: (job: PreparedJob) => string): string[] => jobs.map(read)
  await tx.query(unobserved(WRITE_OUTBOX), [
    ids,
    namespace,
    column(({ queue }) => queue),
    column(({ name }) => name),
    column(({ data }) => data),
    column(job => JSON.stringify(optionsOf(job))),
  ])
  return ids
}

function optionsOf({ delayMs, priority, attempts, tenant }: PreparedJob): OutboxOptions {
  return {
    ...(delayMs > 0 ? { delayMs } : {}),
    ...(priority > 0 ? { priority } : {}),
    ...(attempts === undefined ? {} : { attempts }),
    ...(tenant === undefined ? {} : { tenant }),
  }
}
