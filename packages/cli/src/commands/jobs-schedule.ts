import { type Duration, type Schedule, systemClock } from 'holdfast/core'
import type { JobSchedule } from 'holdfast/jobs'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { openJobs } from '../jobs.ts'
import { formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

/** Options of `holdfast jobs schedule list`. */
export interface JobsScheduleListOptions {
  readonly queue?: string
  readonly namespace: string
}

/** `holdfast jobs schedule list [queue]`. @throws HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE */
export async function jobsScheduleList({ queue, namespace }: JobsScheduleListOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(namespace, context)
  const schedules = await store.schedules(queue)
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-schedules/1', schedules })
  else if (schedules.length === 0)
    context.terminal.say('no schedules: holdfast jobs schedule set <queue> <key> --job <name> --cron "0 3 * * *" --zone UTC')
  else context.terminal.data(textTable(['queue', 'key', 'job', 'schedule', 'next', 'in'], schedules.map(cells), 4).join('\n'))
  return exitCode.ok
}

/** Options of `holdfast jobs schedule set`. */
export interface JobsScheduleSetOptions {
  readonly queue: string
  readonly key: string
  readonly job: string
  readonly cron?: string
  readonly zone?: string
  readonly every?: string
  readonly payload: string
  readonly namespace: string
}

/** `holdfast jobs schedule set <queue> <key>`.
 *  @throws HF_CLI_USAGE, HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_SCHEDULE, HF_JOBS_PAYLOAD, HF_JOBS_PAYLOAD_TOO_LARGE, HF_JOBS_OPTION */
export async function jobsScheduleSet(options: JobsScheduleSetOptions, context: CommandContext): Promise<number> {
  const { queue, key, job, namespace } = options
  const request = { name: job, payload: parsePayload(options.payload), schedule: scheduleOf(options) }
  await using store = await openJobs(namespace, context)
  const made = await store.putSchedule(queue, key, request)
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-schedule/1', schedule: made })
  else context.terminal.data(`✓ ${queue}/${key} adds ${job} ${scheduleText(made.schedule)}, next ${nextText(made)}`)
  return exitCode.ok
}

/** Options of `holdfast jobs schedule remove`. */
export interface JobsScheduleRemoveOptions {
  readonly queue: string
  readonly key: string
  readonly namespace: string
}

/** `holdfast jobs schedule remove <queue> <key>`.
 *  @throws HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND */
export async function jobsScheduleRemove({ queue, key, namespace }: JobsScheduleRemoveOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(namespace, context)
  await confirm(context, `remove the schedule ${queue}/${key}`, key)
  await store.removeSchedule(queue, key)
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-schedule-removal/1', queue, key })
  else context.terminal.data(`✓ ${queue}/${key} is removed`)
  return exitCode.ok
}

function scheduleOf({ cron, zone, every }: JobsScheduleSetOptions): Schedule {
  if ((cron === undefined) === (every === undefined)) throw cliErrors.create('HF_CLI_USAGE', 'when? give --cron with --zone, or --every')
  if (every !== undefined && zone !== undefined) throw cliErrors.create('HF_CLI_USAGE', '--zone goes with --cron, not with --every')
  if (every !== undefined) return { every: every as Duration }
  if (zone === undefined)
    throw cliErrors.create('HF_CLI_USAGE', '--cron needs --zone: the zone of a server is nobody’s intention', { hint: 'add --zone UTC, or your own' })
  return { cron: cron!, timeZone: zone }
}

function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw cliErrors.create('HF_CLI_USAGE', '--payload is not JSON', { hint: `write it as JSON, for example --payload '{"all":true}'` })
  }
}

function cells(schedule: JobSchedule): string[] {
  const { queue, key, name, nextAtMs } = schedule
  const left = nextAtMs === undefined ? '–' : formatSpan(Math.max(0, nextAtMs - systemClock.nowMs()))
  return [queue, key, name, scheduleText(schedule.schedule), nextText(schedule), left]
}

function scheduleText(schedule: Schedule): string {
  return 'every' in schedule ? `every ${schedule.every}` : `${schedule.cron} ${schedule.timeZone}`
}

function nextText({ nextAtMs }: JobSchedule): string {
  return nextAtMs === undefined ? 'never' : new Date(nextAtMs).toISOString().slice(0, 19)
}
