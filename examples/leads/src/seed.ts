import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { log } from './log.ts'
import { SEED_SIZES, type SeedOptions, seedLeads } from './seed-leads.ts'
import { databaseError, StartupError } from './startup-error.ts'

try {
  process.stdout.write(`${JSON.stringify(await run())}\n`)
} catch (error) {
  const { code, message, hint, exitCode } = error instanceof StartupError ? error : databaseError(error)
  log.error({ code, hint }, message)
  process.exitCode = exitCode
}

async function run(): Promise<object> {
  const options = readArguments(process.argv.slice(2))
  const url = process.env.DATABASE_URL
  if (!url)
    throw new StartupError('LEADS_BAD_ENVIRONMENT', 'DATABASE_URL is not set', {
      hint: 'name an empty database: postgres://user@host/name',
      exitCode: 2,
    })
  const client = new Client({ connectionString: url, application_name: 'leads-seed', connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect()
  try {
    const startedAtMs = performance.now()
    const { rows } = await seedLeads(sql => client.query(sql), options)
    return { rows, tookMs: Math.round(performance.now() - startedAtMs) }
  } catch (error) {
    // 42P07 and 42710: a table or a type of that name is there already.
    const { code, message } = error as { code?: string; message: string }
    if (code !== '42P07' && code !== '42710') throw error
    throw new StartupError('LEADS_DATABASE_NOT_EMPTY', `the database is in use: ${message}`, {
      hint: 'create an empty one; the seed drops nothing',
      exitCode: 2,
    })
  } finally {
    await client.end()
  }
}

function readArguments(args: readonly string[]): SeedOptions {
  const refuse = (what: string): never => {
    throw new StartupError('LEADS_BAD_ARGUMENT', what, { hint: `usage: seed.js [--size ${SEED_SIZES.join('|')}] [--seed N]`, exitCode: 2 })
  }
  try {
    const { values } = parseArgs({ args: [...args], options: { size: { type: 'string', default: 'small' }, seed: { type: 'string', default: '1' } } })
    const size =
      SEED_SIZES.find(known => known === values.size) ?? refuse(`--size must be one of ${SEED_SIZES.join(', ')}, got ${JSON.stringify(values.size)}`)
    const seed = Number(values.seed)
    if (!/^\d{1,9}$/.test(values.seed)) refuse(`--seed must be an integer from 0 to 999999999, got ${JSON.stringify(values.seed)}`)
    return { size, seed }
  } catch (error) {
    if (error instanceof StartupError) throw error
    return refuse((error as Error).message)
  }
}
