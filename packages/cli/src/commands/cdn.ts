import type { Command } from 'commander'
import type { Run } from '../command-line.ts'

/** `holdfast cdn ...`: each subcommand is a file of its own, loaded when it is called. */
export function addCdn(program: Command, run: Run): void {
  const cdn = program.command('cdn').description('purges on their way to the CDNs that the environment names, and what these counted')
  inNamespace(cdn.command('status'))
    .description('what waits, what was given up, how much each CDN still takes; with --since requests, bytes and hit ratio')
    .option('--since <duration>', 'ask each CDN what it counted in so long, 1m to 30d')
    .action(options => run(async () => (await import('./cdn-status.ts')).cdnStatus, options))
  inNamespace(cdn.command('dead'))
    .description('purges that were given up, the newest first, with the reason')
    .option('--cdn <name>', 'only those of one CDN')
    .option('--limit <count>', 'purges shown, 1 to 1000', '100')
    .action(options => run(async () => (await import('./cdn-dead.ts')).cdnDead, options))
  for (const [action, description] of [
    ['retry', 'send purges that were given up once more: one, those of --cdn, or --all; shows how many first'],
    ['discard', 'forget purges that were given up; what they were to remove stays at the CDN until it expires'],
  ] as const) {
    inNamespace(cdn.command(`${action} [purge]`))
      .description(description)
      .option('--cdn <name>', 'all of one CDN')
      .option('--all', 'all of them')
      .option('-y, --yes', 'do not ask')
      .action((purge: string | undefined, options) =>
        run(async () => (await import('./cdn-dead-change.ts')).cdnDeadChange, { ...options, purge, action }),
      )
  }
}

function inNamespace(command: Command): Command {
  return command.option('--namespace <name>', 'namespace of the service', 'app')
}
