import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createService } from './create-service.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { log } from './log.ts'
import { checkDatabase, createPool } from './pool.ts'
import { StartupError } from './startup-error.ts'

/** How long requests under way may take when the service is told to end. */
const FINISH_LIMIT_MS = 5000
const IDLE_CHECK_MS = 100

try {
  await serve(readEnvironment(process.env))
} catch (error) {
  // Only the coded ones are expected here; Holdfast's own errors have a code and a hint too.
  const { code = 'LEADS_START_FAILED', message, hint, exitCode } = error as Partial<StartupError>
  log.error({ code, hint }, message ?? String(error))
  process.exit(exitCode ?? (code.startsWith('HF_CONFIG') ? 2 : 1))
}

async function serve(environment: Environment): Promise<void> {
  const pool = createPool(environment.databaseUrl, environment.poolMax)
  await checkDatabase(pool)
  const service = await createService(pool, environment)
  const server = createServer(service.app)
  const port = await listen(server, environment.port)

  let ending = false
  const end = async (why: string): Promise<void> => {
    if (ending) return
    ending = true
    log.info({ why }, 'ending')
    await service.endStreams()
    await finishRequests(server)
    await service.stop()
    await pool.end()
    process.exit(0)
  }
  process.once('SIGTERM', () => void end('SIGTERM'))
  process.once('SIGINT', () => void end('SIGINT'))
  process.once('disconnect', () => void end('the parent is gone'))
  if (environment.exitWithParent) process.stdin.once('close', () => void end('stdin was closed')).resume()

  process.stdout.write(`${JSON.stringify({ ready: true, port, mode: environment.mode })}\n`)
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = 'choose another one with PORT, or 0 for any that is free'
      reject(new StartupError('LEADS_PORT_UNUSABLE', `cannot listen on port ${port} (${error.code})`, { hint, exitCode: 2 }))
    })
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** Takes no more connections; resolves when those there are have been answered, or at the limit, cutting off the rest. */
function finishRequests(server: Server): Promise<void> {
  // Clients keep their connections open: they are told to let go with the next answer, and where none is due it is done for them.
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'))
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const limit = setTimeout(() => server.closeAllConnections(), FINISH_LIMIT_MS)
  return new Promise(resolve => {
    server.close(() => {
      clearInterval(idle)
      clearTimeout(limit)
      resolve()
    })
  })
}
