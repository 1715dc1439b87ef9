import { readEnvironment } from './environment.ts'
import { log } from './log.ts'
import { checkDatabase, createPool } from './pool.ts'
import { startHoldfast } from './start-holdfast.ts'
import { StartupError } from './startup-error.ts'

// Works the queues in a process of its own, for a service that runs with LEADS_WORKERS=apart. Takes the same environment; needs no port.
try {
  await work()
} catch (error) {
  const { code = 'LEADS_START_FAILED', message, hint, exitCode } = error as Partial<StartupError>
  log.error({ code, hint }, message ?? String(error))
  process.exit(exitCode ?? (code.startsWith('HF_CONFIG') ? 2 : 1))
}

async function work(): Promise<void> {
  const environment = readEnvironment(process.env)
  if (environment.jobsRedisUrl === undefined || environment.mode === 'plain') {
    throw new StartupError('LEADS_BAD_ENVIRONMENT', 'a worker needs REDIS_JOBS_URL and LEADS_MODE observe or cache', {
      hint: 'examples/leads/README.md lists the settings',
      exitCode: 2,
    })
  }
  const pool = createPool(environment.databaseUrl, environment.poolMax)
  await checkDatabase(pool)
  const { stop } = await startHoldfast(pool, { ...environment, worksJobs: true })
  const end = async (why: string): Promise<void> => {
    log.info({ why }, 'ending')
    await stop()
    await pool.end()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(signal))
  process.once('disconnect', () => void end('the parent is gone'))
  process.stdout.write(`${JSON.stringify({ ready: true, mode: environment.mode })}\n`)
}
