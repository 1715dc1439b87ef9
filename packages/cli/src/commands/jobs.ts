import { type Command, Option } from 'commander'
import type { Run } from '../command-line.ts'

/** `holdfast jobs ...`: each subcommand is a file of its own, loaded when it is called. */
export function addJobs(program: Command, run: Run): void {
  const jobs = program
    .command('jobs')
    .description('queues of jobs in REDIS_JOBS_URL, else REDIS_URL: look, retry, discard, cancel, pause, drain, schedule')
  const list = inNamespace(jobs.command('ls [queue]'))
    .description('the queues; of one queue its jobs, dead letters with their reason')
    .addOption(
      new Option('--state <state>', 'which jobs of the queue').choices(['waiting', 'active', 'delayed', 'completed', 'dead']).default('waiting'),
    )
    .option('--limit <count>', 'jobs shown, 1 to 500', '50')
    .option('--cursor <cursor>', 'go on where the last list ended')
  withFilter(list).action((queue: string | undefined, options) => run(async () => (await import('./jobs-ls.ts')).jobsLs, { ...options, queue }))
  inNamespace(jobs.command('show <queue> <job>'))
    .description('one job: payload, result, and every attempt that did not complete')
    .action((queue: string, job: string, options) => run(async () => (await import('./jobs-show.ts')).jobsShow, { ...options, queue, job }))
  const retry = inNamespace(jobs.command('retry <queue> [job]'))
    .description('run dead letters again: one, all that the flags name, or --all; shows how many first')
    .option('--all', 'every dead letter of the queue')
    .option('-y, --yes', 'do not ask')
  withFilter(retry).action((queue: string, job: string | undefined, options) =>
    run(async () => (await import('./jobs-retry.ts')).jobsRetry, { ...options, queue, job }),
  )
  const discard = inNamespace(jobs.command('discard <queue> [job]'))
    .description('delete dead letters: one, all that the flags name, or --all; shows how many first')
    .option('--all', 'every dead letter of the queue')
    .option('-y, --yes', 'do not ask')
  withFilter(discard).action((queue: string, job: string | undefined, options) =>
    run(async () => (await import('./jobs-retry.ts')).jobsDiscard, { ...options, queue, job }),
  )
  inNamespace(jobs.command('cancel <queue> <job>'))
    .description('remove a job that waits, or end the attempt of one that runs, in whichever process')
    .action((queue: string, job: string, options) => run(async () => (await import('./jobs-cancel.ts')).jobsCancel, { ...options, queue, job }))
  for (const [action, description] of [
    ['pause', 'let no worker take a job until `resume`; running ones go on'],
    ['resume', 'let workers take jobs again'],
  ] as const) {
    inNamespace(jobs.command(`${action} <queue>`))
      .description(description)
      .action((queue: string, options) => run(async () => (await import('./jobs-pause.ts')).jobsPause, { ...options, queue, action }))
  }
  inNamespace(jobs.command('drain <queue>'))
    .description('delete what waits; shows how many first; running jobs go on')
    .option('--delayed', 'what is delayed too, but for schedules')
    .option('-y, --yes', 'do not ask')
    .action((queue: string, options) => run(async () => (await import('./jobs-drain.ts')).jobsDrain, { ...options, queue }))
  addSchedules(jobs, run)
}

function addSchedules(jobs: Command, run: Run): void {
  const schedule = jobs.command('schedule').description('jobs by the clock: list, set, remove')
  inNamespace(schedule.command('list [queue]'))
    .description('schedules of one queue, or of all, with their next time')
    .action((queue: string | undefined, options) => run(async () => (await import('./jobs-schedule.ts')).jobsScheduleList, { ...options, queue }))
  inNamespace(schedule.command('set <queue> <key>'))
    .description('make a schedule, or change it')
    .requiredOption('--job <name>', 'name of the job')
    .option('--cron <fields>', 'five fields, for example "0 3 * * *"; with --zone')
    .option('--zone <zone>', 'time zone that --cron is read in, for example Europe/Berlin')
    .option('--every <duration>', 'instead of --cron: 1s to 30d')
    .option('--payload <json>', 'payload of each job', 'null')
    .action((queue: string, key: string, options) =>
      run(async () => (await import('./jobs-schedule.ts')).jobsScheduleSet, { ...options, queue, key }),
    )
  inNamespace(schedule.command('remove <queue> <key>'))
    .description('remove a schedule, and the job that waits for its next time')
    .option('-y, --yes', 'do not ask')
    .action((queue: string, key: string, options) =>
      run(async () => (await import('./jobs-schedule.ts')).jobsScheduleRemove, { ...options, queue, key }),
    )
}

function inNamespace(command: Command): Command {
  return command.option('--namespace <name>', 'namespace of the jobs', 'app')
}

function withFilter(command: Command): Command {
  return command
    .option('--name <name>', 'only jobs of this name')
    .option('--id <part>', 'only ids with this in them')
    .option('--text <part>', 'only payloads with this in their JSON')
    .option('--tenant <tenant>', 'only jobs of this tenant')
    .addOption(
      new Option('--reason <reason>', 'only dead letters of this reason').choices([
        'error',
        'timeout',
        'stalled',
        'cancelled',
        'payload',
        'unknown-name',
      ]),
    )
    .option('--failure <part>', 'only failures with this in their message')
    .option('--since <duration>', 'only jobs enqueued within this time, for example 2h')
}
