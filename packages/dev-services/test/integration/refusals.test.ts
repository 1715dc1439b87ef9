import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type DevServicesOptions, startServices } from '../../src/index.ts'
import type { Launcher } from '../../src/launcher.ts'
import { findPostgres } from '../../src/postgres/binaries.ts'
import { probeDatabaseUrl } from '../../src/postgres/probe.ts'
import { probeRedisUrl } from '../../src/redis/probe.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { freshEnv, processesIn, started } from './places.ts'

/** A server that accepts and never says a word. */
async function blackHole(): Promise<number> {
  const sockets = new Set<{ destroy(): void }>()
  const server: Server = createServer(socket => sockets.add(socket))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Starts, expects a refusal, and checks that nothing is left running. */
async function refused(options: DevServicesOptions): Promise<{ code: string; message: string; hint: string }> {
  const dataDir = temporaryFolder()
  const outcome = await startServices({ env: freshEnv(), dataDir, durable: false, ...options }).then(
    services => services.stop().then(() => undefined),
    error => error,
  )
  expect(processesIn(dataDir)).toEqual([])
  return outcome
}

describe('DATABASE_URL', () => {
  it('is refused with HF_PG_UNREACHABLE when nobody listens there, and Redis is stopped again', async () => {
    const error = await refused({ env: { ...freshEnv(), DATABASE_URL: 'postgres://app:secret@127.0.0.1:1/shop' } })
    expect(error.code).toBe('HF_PG_UNREACHABLE')
    expect(error.message).toContain('127.0.0.1:1/shop')
    expect(error.message).not.toContain('secret')
  })

  it('is refused with a wrong password, an unknown host, and when it is no URL', async () => {
    const { postgres } = await started({ env: freshEnv(), only: ['postgres'] })
    const wrong = new URL(postgres.url)
    wrong.password = 'guess'
    await expect(probeDatabaseUrl(wrong.href)).rejects.toMatchObject({ code: 'HF_PG_UNREACHABLE', message: expect.stringContaining('password') })
    await expect(probeDatabaseUrl('postgres://app@nowhere.invalid/shop')).rejects.toMatchObject({ code: 'HF_PG_UNREACHABLE' })
    await expect(probeDatabaseUrl('not a url')).rejects.toMatchObject({ code: 'HF_PG_UNREACHABLE' })
  })

  it('is given up when the server accepts and never answers', async () => {
    const port = await blackHole()
    await expect(probeDatabaseUrl(`postgres://app@127.0.0.1:${port}/shop`, 200)).rejects.toMatchObject({ code: 'HF_PG_UNREACHABLE' })
  })
})

describe('REDIS_URL', () => {
  it('is refused with HF_REDIS_UNREACHABLE when nobody listens there, and PostgreSQL is stopped again', async () => {
    const error = await refused({ env: { ...freshEnv(), REDIS_URL: 'redis://:secret@127.0.0.1:1' } })
    expect(error.code).toBe('HF_REDIS_UNREACHABLE')
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.message).not.toContain('secret')
  })

  it('is refused with a wrong password, an unknown host, and when it is no URL of Redis', async () => {
    const { cacheRedis } = await started({ env: freshEnv(), only: ['redis'] })
    const wrong = new URL(cacheRedis!.url)
    wrong.password = 'guess'
    await expect(probeRedisUrl(wrong.href, 'REDIS_URL')).rejects.toMatchObject({ message: expect.stringContaining('WRONGPASS') })
    await expect(probeRedisUrl('redis://nowhere.invalid', 'REDIS_URL')).rejects.toMatchObject({ code: 'HF_REDIS_UNREACHABLE' })
    await expect(probeRedisUrl('127.0.0.1', 'REDIS_JOBS_URL')).rejects.toMatchObject({ message: 'REDIS_JOBS_URL is not a URL of Redis' })
  })

  it('is given up when the server accepts and never answers', async () => {
    const port = await blackHole()
    await expect(probeRedisUrl(`redis://127.0.0.1:${port}`, 'REDIS_URL', 200)).rejects.toMatchObject({ code: 'HF_REDIS_UNREACHABLE' })
  })
})

describe('what is missing or in the way', () => {
  it('goes on without Redis and says how to get it, unless Redis is required', async () => {
    const env = { PATH: temporaryFolder(), XDG_CACHE_HOME: temporaryFolder() }
    const lines: string[] = []
    const services = await started({ env, only: ['redis'], onProgress: line => lines.push(line) })
    expect(services.cacheRedis).toBeUndefined()
    expect(services.redisProblem).toMatchObject({ code: 'HF_REDIS_UNOBTAINABLE', hint: expect.stringContaining('apt-get install redis-server') })
    expect(lines.at(-1)).toContain('apt-get install redis-server')
    expect(await refused({ env, requireRedis: true })).toMatchObject({ code: 'HF_REDIS_UNOBTAINABLE' })
  })

  it('reports a Redis that ends at its start with what it logged', async () => {
    const folder = temporaryFolder()
    const script = '#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v=7.0.0" && exit 0\necho "cannot allocate"\nexit 9\n'
    writeFileSync(join(folder, 'redis-server'), script, { mode: 0o755 })
    const error = await refused({ env: { ...freshEnv(), PATH: folder }, requireRedis: true })
    expect(error).toMatchObject({ code: 'HF_REDIS_START_FAILED', message: expect.stringContaining('cannot allocate') })
  })

  it('reports a PostgreSQL that refuses its settings with what it logged', async () => {
    const error = await refused({ postgresSettings: { max_connections: 'many' } })
    expect(error).toMatchObject({ code: 'HF_PG_START_FAILED', message: expect.stringContaining('invalid value for parameter "max_connections"') })
  })

  it('names every source it tried when no PostgreSQL runs here', async () => {
    // As on a system whose C library the binaries do not know: they are there, and do not run.
    const launcher: Launcher = { serviceAccount: undefined, prepare: () => ({ command: '/bin/false', args: [] }) }
    const context = { env: {}, launcher, cacheFolder: temporaryFolder, signal: AbortSignal.timeout(5000), progress: () => undefined }
    const search = findPostgres(context as unknown as Parameters<typeof findPostgres>[0])
    await expect(search).rejects.toMatchObject({ code: 'HF_PG_UNOBTAINABLE', message: expect.stringMatching(/embedded: .*path: /s) })
  })

  it('takes no other PostgreSQL where HOLDFAST_DEV_POSTGRES names a folder without one', async () => {
    const error = await refused({ env: { ...freshEnv(), HOLDFAST_DEV_POSTGRES: '/nowhere' }, only: ['postgres'] })
    expect(error).toMatchObject({ code: 'HF_PG_UNOBTAINABLE', message: expect.stringContaining('HOLDFAST_DEV_POSTGRES (/nowhere)') })
  })

  it('refuses with HF_CLI_PORT_TAKEN a port that was asked for and is in use', async () => {
    const port = await blackHole()
    expect(await refused({ ports: { postgres: port } })).toMatchObject({ code: 'HF_CLI_PORT_TAKEN', message: expect.stringContaining(String(port)) })
    expect(await refused({ ports: { jobsRedis: port } })).toMatchObject({ code: 'HF_CLI_PORT_TAKEN' })
  })

  it('refuses with HF_CLI_DISK_FULL before it writes data that will not fit', async () => {
    expect(await refused({ freeBytes: async () => 1024 })).toMatchObject({ code: 'HF_CLI_DISK_FULL' })
  })
})
