import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { servicesDown, servicesStatus, servicesUp } from '../../src/index.ts'
import { withClient } from '../../src/postgres/probe.ts'
import { identifyProcess } from '../../src/process-identity.ts'
import { identifyRedis } from '../../src/redis/probe.ts'
import { freshEnv, processesIn, started } from './places.ts'

/** An empty place, with whatever is up there brought down after the test. */
function place(): { env: ReturnType<typeof freshEnv>; durable: false; requireRedis: true } {
  const env = freshEnv()
  onTestFinished(async () => void (await servicesDown({ env })))
  return { env, durable: false, requireRedis: true }
}

describe('services up, status and down', () => {
  it('bring services up once, report them, and take them down once', async () => {
    const options = place()
    expect(await servicesStatus(options)).toBeUndefined()
    const first = await servicesUp(options)
    expect(await servicesUp(options)).toEqual(first)
    expect(await servicesStatus(options)).toEqual(first)
    expect(await withClient(first.postgres!.url, async client => (await client.query('SELECT 1 AS one')).rows)).toEqual([{ one: 1 }])
    expect(await identifyRedis(first.jobsRedis!.url)).toEqual({ version: first.jobsRedis?.version, flavour: first.jobsRedis?.flavour })
    expect(await servicesDown(options)).toBe(true)
    expect(processesIn(options.env.XDG_CACHE_HOME)).toEqual([])
    expect(await servicesStatus(options)).toBeUndefined()
    expect(await servicesDown(options)).toBe(false)
  })

  it('start only one set when two ask at the same time', async () => {
    const options = place()
    const [a, b] = await Promise.all([servicesUp(options), servicesUp(options)])
    expect(b).toEqual(a)
  })

  it('keep the state, which holds passwords, from other accounts', async () => {
    const options = place()
    await servicesUp(options)
    expect(statSync(join(options.env.XDG_CACHE_HOME, 'holdfast', 'services.json')).mode & 0o777).toBe(0o600)
  })

  it('name a service that has died, and replace all of them at the next up', async () => {
    const options = place()
    const first = await servicesUp(options)
    process.kill(first.cacheRedis!.pid!, 'SIGKILL')
    await expect.poll(() => servicesStatus(options)).toMatchObject({ crashed: ['cacheRedis'], postgres: first.postgres })
    expect((await servicesStatus(options))?.cacheRedis).toBeUndefined()
    const second = await servicesUp(options)
    expect(second.crashed).toEqual([])
    expect(second.cacheRedis?.pid).not.toBe(first.cacheRedis?.pid)
    expect(identifyProcess(first.jobsRedis!.pid!)).toBeUndefined()
  })

  it('leave their data folder alone while a run of its own starts beside them', async () => {
    const options = place()
    const up = await servicesUp(options)
    const beside = await started({ ...options, only: ['postgres'] })
    expect(beside.postgres.url).not.toBe(up.postgres?.url)
    expect((await servicesStatus(options))?.crashed).toEqual([])
  })
})
