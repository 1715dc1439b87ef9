import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createService } from '../../src/create-service.ts'
import type { Mode } from '../../src/environment.ts'
import { createPool } from '../../src/pool.ts'
import type { ServiceOptions } from '../../src/service.ts'

/** What a request was answered with. */
export interface Answer {
  readonly status: number
  readonly contentType: string | null
  readonly body: unknown
}

/** The service behind a real listener, in this process. */
export interface RunningService {
  readonly url: string
  get(path: string): Promise<Answer>
  post(path: string, body: unknown): Promise<Answer>
  stop(): Promise<void>
}

/** Starts the service in `mode`. Services with the same namespace share what they cache in Redis. */
export async function runService(
  databaseUrl: string,
  mode: Mode,
  cacheNamespace: string = randomUUID(),
  settings: Partial<ServiceOptions> = {},
): Promise<RunningService> {
  const pool = createPool(databaseUrl, 4)
  const service = await createService(pool, {
    mode,
    redisUrl: process.env.HOLDFAST_TEST_REDIS_URL,
    jobsRedisUrl: undefined,
    workers: 'inside',
    cacheNamespace,
    instanceToken: 'token-of-the-test',
    requestsPerMinute: 30_000,
    liveToken: undefined,
    cursorSecret: undefined,
    ...settings,
  })
  const server = createServer(service.app)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, init)
    return { status: response.status, contentType: response.headers.get('content-type'), body: await response.json() }
  }
  return {
    url,
    get: path => ask(path),
    post: (path, body) =>
      ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await service.stop()
      await pool.end()
    },
  }
}
