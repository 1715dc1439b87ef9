import { Command, CommanderError, Option } from 'commander'
import { type HoldfastError, isHoldfastError, systemClock } from 'holdfast/core'
import { addCdn } from './commands/cdn.ts'
import { addDb } from './commands/db.ts'
import { addJobs } from './commands/jobs.ts'
import { cliErrors } from './errors.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import { createTerminal, type Terminal, type TerminalStreams } from './terminal.ts'

/** What every verb gets besides its own options. */
export interface CommandContext {
  readonly terminal: Terminal
  readonly env: NodeJS.ProcessEnv
  /** Print JSON with a versioned schema on stdout. */
  readonly json: boolean
  /** Do not ask; the answer is yes. */
  readonly yes: boolean
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
}

/** A verb: resolves to the exit code. */
export type Verb<Options> = (options: Options, context: CommandContext) => Promise<number>

/** The part of `process` that the command line uses. */
export interface CommandLineProcess extends TerminalStreams {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  /** Ends the process at once. Absent: nothing does. */
  exit?(code: number): unknown
}

/** A second interrupt sooner than this is the same one: npm passes on what the terminal sends to its children itself. */
const SAME_INTERRUPT_MS = 500

/** Parses `argv` (without node and script), runs the verb and resolves to the exit code. Never rejects: an error is printed with its code and next step. */
export async function runCommandLine(argv: readonly string[], host: CommandLineProcess): Promise<number> {
  const json = argv.includes('--json')
  const terminal = createTerminal(host, argv.includes('--no-input'))
  const abort = new AbortController()
  let firstAtMs = 0
  const interrupt = (): void => {
    if (abort.signal.aborted) {
      if (systemClock.monotonicMs() - firstAtMs < SAME_INTERRUPT_MS) return
      terminal.say('interrupted again: stopped at once; what was under way may go on in the server')
      host.exit?.(exitCode.interrupted)
      return
    }
    firstAtMs = systemClock.monotonicMs()
    terminal.say('interrupted: ending what was begun; once more stops at once')
    abort.abort(cliErrors.create('HF_CLI_INTERRUPTED', 'interrupted'))
  }
  host.on('SIGINT', interrupt)
  host.on('SIGTERM', interrupt)
  // `holdfast ... | head`: what was started stops. Never taken off, because the event may come after the last write.
  for (const stream of [host.stdout, host.stderr]) {
    stream.on?.('error', () => abort.abort(cliErrors.create('HF_CLI_INTERRUPTED', 'nobody reads the output any more')))
  }
  let code: number = exitCode.ok
  const context = (flags: { yes?: boolean }): CommandContext => ({ terminal, env: host.env, json, yes: flags.yes === true, signal: abort.signal })
  const run = async <Options extends { yes?: boolean }>(load: () => Promise<Verb<Options>>, options: Options): Promise<void> => {
    const verb = await load()
    code = await verb(options, context(options))
  }
  try {
    await buildProgram(run, terminal).parseAsync([...argv], { from: 'user' })
  } catch (error) {
    code = reportError(error, terminal, json)
  } finally {
    host.off('SIGINT', interrupt)
    host.off('SIGTERM', interrupt)
  }
  return code
}

/** Loads a verb and runs it. */
export type Run = <Options extends { yes?: boolean }>(load: () => Promise<Verb<Options>>, options: Options) => Promise<void>

function buildProgram(run: Run, terminal: Terminal): Command {
  const program = new Command('holdfast')
    .description('Keeps TypeScript services fast under load, and proves it.')
    .version('0.1.0', '-V, --version')
    .option('--json', 'one JSON document on stdout, talk on stderr')
    .option('--no-input', 'never ask a question')
    .exitOverride()
    .configureOutput({ writeOut: text => terminal.data(text), writeErr: () => {} })
    .showHelpAfterError(false)
  addDemo(program, run)
  addServices(program, run)
  addFindings(program, run)
  addCache(program, run)
  addCdn(program, run)
  addDb(program, run)
  addJobs(program, run)
  addLoad(program, run)
  addConsole(program, run)
  for (const command of everyCommand(program)) {
    if (command !== program) command.option('--json', 'one JSON document on stdout, talk on stderr').option('--no-input', 'never ask a question')
  }
  return program
}

function addDemo(program: Command, run: Run): void {
  program
    .command('demo')
    .description('measure, diagnose, recommend, apply and verify on a real service on this machine')
    .option('--once', 'stop when the report is written')
    .option('--no-apply', 'show the finding and leave the database as it is')
    .addOption(new Option('--plant <what>', 'apply a change that the workload does not need, to see the loop say no').choices(['useless']))
    .option('--port <port>', 'port of the console; the service takes the next one', '4747')
    .option('--report <file>', 'where the report goes', 'holdfast-report.html')
    .action(options => run(async () => (await import('./commands/demo.ts')).demo, options))
}

function addServices(program: Command, run: Run): void {
  const services = program.command('services').description('real PostgreSQL and Redis on this machine, without Docker')
  const verbs = { up: 'start them and leave them running', down: 'stop them', status: 'say what runs' } as const
  for (const [action, description] of Object.entries(verbs)) {
    services
      .command(action)
      .description(description)
      .action(options => run(async () => (await import('./commands/services.ts')).services, { ...options, action }))
  }
}

function addFindings(program: Command, run: Run): void {
  program
    .command('advise')
    .description('read the workload of DATABASE_URL and say what to change, with evidence')
    .option('--window <duration>', 'watch the traffic for this long instead of reading everything since the statistics were reset')
    .option('--fail-on <state>', 'exit 1 when there is an open finding', 'never')
    .option('--rule <glob>', 'only rules that match, for example "pg/unused-index" or "*-index"; default: all')
    .action(options => run(async () => (await import('./commands/advise.ts')).advise, options))
  program
    .command('explain [id]')
    .description('show a finding: evidence, change, history; or, with --sql, the plan of a statement and what would help')
    .option('--sql <statement>', 'one statement, instead of a finding')
    .option('--params <json>', 'with --sql: values of $1, $2, ... as a JSON array')
    .option('--analyze', 'with --sql: run it and measure each step; only a statement that is proven to be read-only')
    .option('--try', 'with --sql: try a proposed index on a copy of the table')
    .option('--timeout <duration>', 'with --sql: longest run', '5s')
    .action((id: string | undefined, options) => {
      if ((id === undefined) === (options.sql === undefined))
        throw cliErrors.create('HF_CLI_USAGE', 'explain takes either the id of a finding or --sql')
      if (id === undefined) return run(async () => (await import('./commands/explain-statement.ts')).explainStatement, { ...options })
      return run(async () => (await import('./commands/finding.ts')).finding, { ...options, id, action: 'explain' })
    })
  program
    .command('migration <id>')
    .description('print the change of a finding as a migration, to be run by your own tool')
    .addOption(new Option('--format <tool>', 'whose migrations').choices(['sql', 'prisma', 'drizzle', 'kysely']).default('sql'))
    .option('--out <folder>', 'write the files there instead; never over a file that exists')
    .action((id: string, options) => run(async () => (await import('./commands/migration.ts')).migration, { ...options, id }))
  const one = {
    apply: 'make the change, guarded by lock and statement time-outs',
    verify: 'compare before and after over the same shape of traffic',
    revert: 'undo the change',
  } as const
  program
    .command('snooze <id>')
    .description('put a finding aside; it is open again when it is found after that time')
    .option('--for <duration>', 'how long', '7d')
    .option('--reason <text>', 'why; kept in its history')
    .action((id: string, options) => run(async () => (await import('./commands/finding.ts')).finding, { ...options, id, action: 'snooze' as const }))
  for (const [action, description] of Object.entries(one)) {
    const command = program.command(`${action} <id>`).description(description)
    if (action === 'verify') command.option('--wait <duration>', 'ask again until there is a verdict, at most for this long', '0s')
    else
      command
        .option('-y, --yes', 'do not ask')
        .option('--lock-timeout <duration>', 'longest wait for any one lock', '2s')
        .option('--timeout <duration>', 'longest statement', '30m')
    if (action === 'apply') command.option('--max-index-size <size>', 'largest index to build', '16gb')
    command.action((id: string, options) => run(async () => (await import('./commands/finding.ts')).finding, { ...options, id, action }))
  }
}

function addCache(program: Command, run: Run): void {
  const group = program.command('cache').description('look into the cache in REDIS_URL, warm it, and drop what is old')
  group
    .command('ls')
    .description('show what Redis holds, by prefix: entries, size, time left')
    .option('--prefix <text>', 'only keys that begin with it', '')
    .option('--limit <count>', 'entries looked at, at most 100000', '10000')
    .option('--namespace <name>', 'namespace of the cache', 'app')
    .action(options => run(async () => (await import('./commands/cache-ls.ts')).cacheLs, options))
  group
    .command('warm')
    .description('have the running services warm their cache now, and wait for the report')
    .option('--source <name...>', 'only these sources; default: all')
    .option('--namespace <name>', 'namespace of the cache', 'app')
    .action(options => run(async () => (await import('./commands/cache-warm.ts')).cacheWarm, options))
  group
    .command('purge')
    .description('drop by URL, by tag, or everything, from the caches and at the CDNs that the environment names')
    .option('--url <url...>', 'stored answers and CDN entries of these URLs')
    .option('--tag <tag...>', 'everything with one of these tags')
    .option('--all', 'everything of the namespace, and all that the CDNs hold')
    .option('--dry-run', 'say what would be dropped and sent, and do nothing')
    .option('--namespace <name>', 'namespace of the cache', 'app')
    .option('-y, --yes', 'do not ask')
    .action(options => run(async () => (await import('./commands/cache-purge.ts')).cachePurge, options))
  const verbs = {
    get: 'print the value; exit 1 when there is none',
    inspect: 'show size, time left and tags, without the value',
    explain: 'say why a read is a hit or a miss now',
    invalidate: 'drop everything with one of the tags, or what matches a pattern, for all processes',
  } as const
  for (const [action, description] of Object.entries(verbs)) {
    const isInvalidate = action === 'invalidate'
    const command = group.command(isInvalidate ? `${action} [tag...]` : `${action} <key>`).description(description)
    command.option('--namespace <name>', 'namespace of the cache', 'app')
    if (isInvalidate) command.option('--pattern <glob>', 'instead of tags: keys that match, for example "user:7:*"').option('-y, --yes', 'do not ask')
    command.action((names: string | string[], options) =>
      run(async () => (await import('./commands/cache.ts')).cache, { ...options, names: [names].flat(), action }),
    )
  }
}

function addLoad(program: Command, run: Run): void {
  const load = program.command('load').description('open-loop load tests that measure their own honesty')
  load
    .command('run <scenario>')
    .description('run a scenario file (YAML or JSON)')
    .option('--base-url <url>', 'where to send it; default: the scenario says')
    .option('--out <file>', 'save the result as JSON')
    .option('--allow-remote', 'allow a target that is not this machine')
    .action((scenario: string, options) => run(async () => (await import('./commands/load-run.ts')).loadRun, { ...options, scenario }))
  load
    .command('compare <before> <after>')
    .description('compare two saved runs, with the noise')
    .action((before: string, after: string, options) =>
      run(async () => (await import('./commands/load-compare.ts')).loadCompare, { ...options, before, after }),
    )
}

function addConsole(program: Command, run: Run): void {
  program
    .command('console')
    .description('serve the console for DATABASE_URL and running instances')
    .requiredOption('--instance <url...>', 'address of an instance (its /holdfast/instance); token from HOLDFAST_INSTANCE_TOKEN')
    .option('--service <name>', 'name shown', 'app')
    .option('--objective <duration>', 'p95 that all requests together must keep, for example 50ms; default: none')
    .option('--namespace <name>', 'namespace of the cache in REDIS_URL and of the jobs in REDIS_JOBS_URL', 'app')
    .option('--port <port>', 'port; 0 takes a free one', '4747')
    .action(options => run(async () => (await import('./commands/console.ts')).serve, options))
}

function* everyCommand(command: Command): Generator<Command> {
  yield command
  for (const child of command.commands) yield* everyCommand(child)
}

function reportError(error: unknown, terminal: Terminal, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCode.ok
  const known = asCodedError(error)
  if (json) terminal.json({ schema: 'holdfast.error/1', error: { code: known.code, message: known.message, hint: known.hint } })
  terminal.say(`${terminal.paint('red', '✗')} ${terminal.paint('bold', known.code)}  ${known.message}`)
  terminal.say(`  next: ${known.hint}`)
  return exitCodeOf(known.code)
}

function asCodedError(error: unknown): HoldfastError {
  if (error instanceof CommanderError) return cliErrors.create('HF_CLI_USAGE', usageMessage(error))
  if (isHoldfastError(error)) return error
  return cliErrors.create('HF_BUG_UNEXPECTED', error instanceof Error ? error.message : String(error))
}

/** Commander's words without its prefix; a bare verb group has help as its message. */
function usageMessage(error: CommanderError): string {
  if (error.code === 'commander.help') return 'a verb is missing'
  return error.message.replace(/^error: /, '')
}
