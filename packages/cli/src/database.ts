import { probeDatabaseUrl, servicesStatus } from '@holdfast/dev-services'
import { type Advisor, type AnalyzerOptions, createAdvisor, createDatabaseFacts, type DatabaseFacts } from 'holdfast/postgres'
import pg from 'pg'
import type { CommandContext } from './command-line.ts'
import { cliErrors } from './errors.ts'

/** The database that a verb works on: DATABASE_URL, else the one of `holdfast services up`.
 *  @throws HF_CLI_NO_DATABASE */
export async function databaseUrl(context: CommandContext): Promise<string> {
  const given = context.env.DATABASE_URL
  if (given) return given
  const local = await servicesStatus({ env: context.env })
  if (local?.postgres !== undefined) return local.postgres.url
  throw cliErrors.create('HF_CLI_NO_DATABASE', 'DATABASE_URL is not set and no local services are up')
}

/** An advisor on that database, with connections of its own.
 *  @throws HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE */
export async function openAdvisor(context: CommandContext): Promise<Advisor> {
  const url = await databaseUrl(context)
  await probeDatabaseUrl(url)
  return advisorFor(url, line => context.terminal.say(context.terminal.paint('dim', `  ${line}`)))
}

/** How long a connection of the advisor may take. */
const CONNECT_LIMIT_MS = 5000

/** An advisor on the database at `url`. */
export function advisorFor(url: string, onProgress: (line: string) => void): Advisor {
  return createAdvisor({ connect: () => connectTo(url), onProgress })
}

/** Facts on the database that a verb works on. @throws HF_CLI_NO_DATABASE */
export async function openFacts(context: CommandContext): Promise<DatabaseFacts> {
  return factsOf(await databaseUrl(context))
}

/** Facts on the database at `url`. */
export function factsOf(url: string): DatabaseFacts {
  return createDatabaseFacts({ connect: () => connectTo(url) })
}

/** What `analyzeStatement` needs to work on the database of a verb.
 *  @throws HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE */
export async function openAnalyzer(context: CommandContext): Promise<AnalyzerOptions> {
  const url = await databaseUrl(context)
  await probeDatabaseUrl(url)
  return { connect: () => connectTo(url), onProgress: line => context.terminal.say(context.terminal.paint('dim', `  ${line}`)) }
}

/** Connections to the database that a verb works on, each for one use. The database was seen to answer.
 *  @throws HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE */
export async function openConnections(context: CommandContext): Promise<() => Promise<pg.Client>> {
  const url = await databaseUrl(context)
  await probeDatabaseUrl(url)
  return () => connectTo(url)
}

/** A connection of ours to the database at `url`. */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast', connectionTimeoutMillis: CONNECT_LIMIT_MS })
  // Without a listener a restart of PostgreSQL would end this process; the query in flight rejects anyway.
  client.on('error', () => {})
  await client.connect()
  return client
}
