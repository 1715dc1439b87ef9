import { servicesStatus } from '@holdfast/dev-services'
import { type Duration, parseDurationMs, systemClock } from 'holdfast/core'
import { createJobStore, type FailureReason, type JobFilter, type OwnJobStore } from 'holdfast/jobs'
import type { CommandContext } from './command-line.ts'
import { cliErrors } from './errors.ts'

/** Flags that say which jobs, of every verb that takes some. */
export interface JobFilterFlags {
  readonly name?: string
  /** Part of the id. */
  readonly id?: string
  /** Part of the payload's JSON text. */
  readonly text?: string
  readonly tenant?: string
  readonly reason?: FailureReason
  /** Part of the last failure's message. */
  readonly failure?: string
  /** Enqueued within this time. */
  readonly since?: string
}

/** The queues of a namespace in the Redis of REDIS_JOBS_URL, else of REDIS_URL, else of `holdfast services up`. Dispose it.
 *  @throws HF_CLI_NO_REDIS; its functions reject with HF_JOBS_REDIS_AWAY when nothing answers */
export async function openJobs(namespace: string, { env }: CommandContext): Promise<OwnJobStore> {
  const redis = env.REDIS_JOBS_URL || env.REDIS_URL || (await servicesStatus({ env }))?.jobsRedis?.url
  if (redis) return createJobStore({ redis, namespace })
  throw cliErrors.create('HF_CLI_NO_REDIS', 'neither REDIS_JOBS_URL nor REDIS_URL is set and no local services are up', {
    hint: 'set REDIS_JOBS_URL, or run `holdfast services up` for a local one',
  })
}

/** What the flags ask for. @throws HF_CONFIG_DURATION */
export function filterOf({ name, id, text, tenant, reason, failure, since }: JobFilterFlags): JobFilter {
  const given = { name, id, text, tenant, reason, failure }
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as JobFilter
  return since === undefined ? named : { ...named, fromMs: systemClock.nowMs() - parseDurationMs(since as Duration) }
}

/** A filter in words, as it follows "of <queue>"; empty when it asks for nothing. */
export function filterText({ name, id, text, tenant, reason, failure, since }: JobFilterFlags): string {
  const parts = [
    name === undefined ? '' : `named ${name}`,
    id === undefined ? '' : `with ${JSON.stringify(id)} in the id`,
    text === undefined ? '' : `with ${JSON.stringify(text)} in the payload`,
    tenant === undefined ? '' : `of the tenant ${tenant}`,
    reason === undefined ? '' : `dead by ${reason}`,
    failure === undefined ? '' : `with ${JSON.stringify(failure)} in the failure`,
    since === undefined ? '' : `enqueued in the last ${since}`,
  ]
  return parts
    .filter(part => part !== '')
    .map(part => ` ${part}`)
    .join(',')
}

/** `1 dead letter`, `2 dead letters`. */
export function lettersText(count: number): string {
  return `${count} dead letter${count === 1 ? '' : 's'}`
}
