import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { withClient } from '../../src/postgres/probe.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { freshEnv, processesIn, started } from './places.ts'

async function configOf(url: string, name: string): Promise<string | undefined> {
  const redis = new Redis(url)
  redis.on('error', () => undefined)
  try {
    return ((await redis.config('GET', name)) as string[])[1]
  } finally {
    redis.disconnect()
  }
}

const rowsOf = (url: string, sql: string): Promise<unknown[]> => withClient(url, async client => (await client.query(sql)).rows)

describe('startServices', () => {
  it('brings up a PostgreSQL that measures and two Redis, one that evicts and one that does not', async () => {
    const { postgres, cacheRedis, jobsRedis, redisProblem } = await started({ env: freshEnv() })
    expect(redisProblem).toBeUndefined()
    expect(postgres.version).toMatch(/^\d+\.\d+$/)
    expect(await rowsOf(postgres.url, 'SELECT count(*) > 0 AS measures FROM pg_stat_statements')).toEqual([{ measures: true }])
    expect(await rowsOf(postgres.url, "SELECT current_setting('track_io_timing') AS timing, current_setting('listen_addresses') AS host")).toEqual([
      { timing: 'on', host: '127.0.0.1' },
    ])
    await expect(rowsOf(postgres.url, "LOAD 'auto_explain'")).resolves.toEqual([])
    expect(await configOf(cacheRedis!.url, 'maxmemory-policy')).toBe('allkeys-lfu')
    expect(await configOf(jobsRedis!.url, 'maxmemory-policy')).toBe('noeviction')
    expect([cacheRedis?.role, jobsRedis?.role]).toEqual(['cache', 'jobs'])
  })

  it('finds its data again, initialises only once and keeps a second run off it', async () => {
    const env = freshEnv()
    const lines: string[] = []
    const options = { env, only: ['postgres'] as const, onProgress: (line: string) => lines.push(line) }
    const first = await started(options)
    await rowsOf(first.postgres.url, 'CREATE TABLE fund AS SELECT 7 AS id')
    const beside = await started(options)
    expect(await rowsOf(beside.postgres.url, "SELECT to_regclass('fund') AS found")).toEqual([{ found: null }])
    await first.stop()
    lines.length = 0
    const again = await started(options)
    expect(await rowsOf(again.postgres.url, 'SELECT id FROM fund')).toEqual([{ id: 7 }])
    expect(lines).toEqual([`PostgreSQL ${again.postgres.version} (${again.postgres.origin})`])
  })

  it('stops twice as well as once, leaves no process and no lock, and says that the end was expected', async () => {
    const dataDir = temporaryFolder()
    const services = await started({ env: freshEnv(), dataDir })
    // The postmaster (its children bear other names and work in its folder) and both Redis.
    expect(processesIn(dataDir).length).toBeGreaterThanOrEqual(3)
    expect(processesIn(dataDir)).toEqual(expect.arrayContaining([services.postgres.pid, services.cacheRedis?.pid, services.jobsRedis?.pid]))
    await Promise.all([services.stop(), services.stop()])
    expect(processesIn(dataDir)).toEqual([])
    expect(existsSync(join(dataDir, '0', 'lock'))).toBe(false)
    expect(await services.postgres.exited).toMatchObject({ expected: true, code: 0 })
    expect(await services.cacheRedis?.exited).toMatchObject({ expected: true })
  })

  it('tells of a server that dies by itself, and recovers its data at the next start', async () => {
    const options = { env: freshEnv(), dataDir: temporaryFolder(), only: ['postgres'] as const, durable: true }
    const first = await started(options)
    await rowsOf(first.postgres.url, 'CREATE TABLE fund AS SELECT 7 AS id')
    process.kill(first.postgres.pid!, 'SIGKILL')
    expect(await first.postgres.exited).toMatchObject({ expected: false, signal: 'SIGKILL' })
    await first.stop()
    const second = await started(options)
    expect(await rowsOf(second.postgres.url, 'SELECT id FROM fund')).toEqual([{ id: 7 }])
  })

  it('keeps the password from other accounts and from the progress lines', async () => {
    const dataDir = temporaryFolder()
    const lines: string[] = []
    const services = await started({ env: freshEnv(), dataDir, onProgress: line => lines.push(line) })
    const { password } = new URL(services.postgres.url)
    expect(password.length).toBeGreaterThan(20)
    expect(lines.join('\n')).not.toContain(password)
    const [data] = [`pg${services.postgres.version.split('.')[0]}-developer-nosync`]
    expect(statSync(join(dataDir, '0', data, 'password')).mode & 0o777).toBe(0o600)
    const wrong = new URL(services.postgres.url)
    wrong.password = 'guess'
    await expect(withClient(wrong.href, async () => undefined)).rejects.toMatchObject({ code: '28P01' })
    const anonymous = new URL(services.cacheRedis!.url)
    anonymous.password = ''
    await expect(configOf(anonymous.href, 'maxmemory-policy')).rejects.toThrow('NOAUTH')
  })

  it('creates the database asked for and passes settings on', async () => {
    const { postgres } = await started({
      env: freshEnv(),
      only: ['postgres'],
      databaseName: 'a "quoted" name',
      postgresSettings: { max_connections: '7' },
    })
    expect(await rowsOf(postgres.url, "SELECT current_database() AS name, current_setting('max_connections') AS most")).toEqual([
      { name: 'a "quoted" name', most: '7' },
    ])
    expect(await rowsOf(postgres.url, 'SELECT count(*) > 0 AS measures FROM pg_stat_statements')).toEqual([{ measures: true }])
  })

  it('uses the servers that the environment names, for both roles of Redis, and does not stop them', async () => {
    const own = await started({ env: freshEnv() })
    const env = { ...freshEnv(), DATABASE_URL: own.postgres.url, REDIS_URL: own.jobsRedis!.url }
    const used = await started({ env })
    expect([used.postgres.origin, used.cacheRedis?.origin, used.jobsRedis?.origin]).toEqual(['DATABASE_URL', 'REDIS_URL', 'REDIS_URL'])
    expect(used.jobsRedis?.url).toBe(own.jobsRedis?.url)
    expect(used.postgres.pid).toBeUndefined()
    await used.stop()
    expect(await used.postgres.exited).toMatchObject({ expected: true })
    expect(await rowsOf(own.postgres.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
    const split = await started({ env: { ...env, REDIS_URL: own.cacheRedis!.url, REDIS_JOBS_URL: own.jobsRedis!.url } })
    expect([split.cacheRedis?.url, split.jobsRedis?.url]).toEqual([own.cacheRedis?.url, own.jobsRedis?.url])
    expect(split.jobsRedis?.origin).toBe('REDIS_JOBS_URL')
  })
})
