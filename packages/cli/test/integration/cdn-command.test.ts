import { type ClonedDatabase, cloneDatabase, type FakeApi, startCloudflare } from '@holdfast/testkit'
import { createTieredCache, type TieredCache } from 'holdfast/cache'
import { cloudflare, createPurgeBus, createPurgeQueue, type PurgeBus } from 'holdfast/cdn'
import { silentLogger, systemClock } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

const REDIS_URL = process.env.HOLDFAST_TEST_REDIS_URL!
const namespace = `cli-cdn-${process.pid}`
const GROUP = { count: 70, sum: { edgeResponseBytes: 7000 }, dimensions: { cacheStatus: 'hit' } }

let database: ClonedDatabase
let empty: ClonedDatabase
let pool: pg.Pool
let cache: TieredCache
let api: FakeApi

beforeAll(async () => {
  database = await cloneDatabase({ name: 'cdn-command' })
  empty = await cloneDatabase({ name: 'cdn-none' })
  pool = new pg.Pool({ connectionString: database.url, max: 3 })
  cache = createTieredCache({ namespace, l1: false }, { redis: REDIS_URL, registry: createRegistry() })
  await cache.start()
  api = await startCloudflare({ groups: [GROUP, { ...GROUP, count: 30, dimensions: { cacheStatus: 'miss' } }] })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await cache.stop()
  await pool.end()
  await Promise.all([database.drop(), empty.drop()])
})

describe.each(['postgres', 'redis'] as const)('holdfast cdn, on purges that wait in %s', store => {
  let bus: PurgeBus
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    const named = { HOLDFAST_CDN_CLOUDFLARE_ZONE: 'z1', CLOUDFLARE_API_TOKEN: 'cf-token', HOLDFAST_CDN_CLOUDFLARE_API: api.url }
    env = { ...named, ...(store === 'postgres' ? { DATABASE_URL: database.url } : { REDIS_URL }) }
    const providers = [cloudflare({ zone: 'z1', token: 'cf-token', api: api.url })]
    const deps = { registry: createRegistry(), clock: systemClock, logger: silentLogger, random: () => 0 }
    const queue = createPurgeQueue(namespace, store === 'postgres' ? pool : undefined, cache)
    bus = createPurgeBus({ providers, collectFor: '100ms', secondPurgeAfter: '0ms', attempts: 1 }, { ...deps, queue })
    await bus.start()
  })
  afterAll(() => bus.stop())
  beforeEach(async () => {
    await bus.discard()
    api.purged.length = 0
  })

  async function run(argv: string[], over: NodeJS.ProcessEnv = {}) {
    const host = fakeHost({ ...env, ...over })
    const code = await runCommandLine(['cdn', ...argv, '--namespace', namespace], host)
    return { code, out: host.out(), err: host.err() }
  }
  /** A running service looks every two seconds; a purge of its own lets it look at once. */
  async function sentAgain(...subjects: string[]): Promise<void> {
    await bus.purge({ kind: 'tag', tags: ['wake'] })
    await vi.waitFor(() => expect(api.purged).toEqual(expect.arrayContaining([...subjects, 'tag wake'])), { timeout: 10_000, interval: 20 })
    expect(api.purged).toHaveLength(subjects.length + 1)
  }
  /** The CDN fails once for each, and takes them from then on. */
  async function plantDead(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      api.next.push({ status: 503, body: 'down for repairs' })
      await bus.purge({ kind: 'url', urls: [`https://zone.test/${i}`] })
      await vi.waitFor(async () => expect(await bus.dead()).toHaveLength(i + 1), { timeout: 10_000, interval: 20 })
    }
  }

  it('says what waits, what was given up, what the CDN still takes, and with --since what it counted', async () => {
    await plantDead(1)
    const { code, out } = await run(['status'])
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        /^cdn +waiting +oldest +given up +still takes\ncloudflare +0 +– +1 +\d+ of 25 requests \(tag, all\) · \d of 8 requests \(url\)\n$/,
      ),
    ])
    const counted = await run(['status', '--since', '1h'])
    expect(counted.out).toMatch(/\ncdn +requests +bytes +hit ratio\ncloudflare +100 +14.0 kB +70 %\n$/)
    expect(JSON.parse((await run(['status', '--since', '1h', '--json'])).out)).toMatchObject({
      ...{ schema: 'holdfast.cdn-status/1', namespace, store, cdns: [{ provider: 'cloudflare', waiting: 0, dead: 1, isSoft: false }] },
      analytics: { fromMs: expect.any(Number), toMs: expect.any(Number), counted: [{ requests: 100, hitRatio: 0.7 }], failed: [] },
    })
    const silent = await run(['status', '--since', '1h'], { CLOUDFLARE_API_TOKEN: 'another-token' })
    expect([silent.code, silent.out]).toEqual([3, expect.stringContaining('cloudflare')])
    expect(silent.err).toMatch(/✗ cloudflare: cloudflare answered 403/)
    expect(silent.err + silent.out).not.toContain('another-token')
  })

  it('lists what was given up with the reason, and sends one of them again without a question', async () => {
    await plantDead(2)
    const { out, err } = await run(['dead'])
    expect(out).toMatch(
      /^id +cdn +what +attempts +given up +reason\n\d+ +cloudflare +url https:\/\/zone.test\/1 +1 +\d+ (ms|s) ago +cloudflare answered 503: down for repairs\n/,
    )
    expect(err).toContain('2 purges')
    const { dead } = JSON.parse((await run(['dead', '--limit', '1', '--cdn', 'cloudflare', '--json'])).out) as {
      dead: { id: string; subject: string }[]
    }
    expect(dead.map(({ subject }) => subject)).toEqual(['https://zone.test/1'])
    expect((await run(['dead', '--cdn', 'fastly'])).err).toContain('no purge was given up')
    expect(await run(['retry', dead[0]!.id])).toMatchObject({ code: 0, out: '✓ 1 purge wait to be sent again\n' })
    await sentAgain('url https://zone.test/1')
    expect(await run(['retry', 'no-such-id'])).toMatchObject({ code: 0, out: 'no purge was given up that this names\n' })
  })

  it('retries and forgets many only when confirmed, after saying how many', async () => {
    await plantDead(2)
    expect(await run(['retry', '--all'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/HF_CLI_CONFIRMATION_REQUIRED.*send 2 purges again/),
    })
    expect((await run(['discard', '--cdn', 'cloudflare'])).err).toMatch(/forget 2 purges for cloudflare/)
    expect([api.purged, await bus.dead()]).toEqual([[], expect.objectContaining({ length: 2 })])
    const [first] = await bus.dead()
    expect(JSON.parse((await run(['discard', first!.id, '--json'])).out)).toEqual({
      ...{ schema: 'holdfast.cdn-dead-change/1', namespace, action: 'discard', ids: [first!.id], count: 1 },
    })
    expect(JSON.parse((await run(['retry', '--cdn', 'cloudflare', '--yes', '--json'])).out)).toMatchObject({ provider: 'cloudflare', count: 1 })
    await sentAgain('url https://zone.test/0')
  })

  it('refuses what it does not understand, and says what is not set or not there', async () => {
    for (const argv of [
      ['retry'],
      ['retry', '7', '--all'],
      ['discard', '--all', '--cdn', 'a'],
      ['dead', '--limit', '0'],
      ['status', '--since', '1s'],
      ['status', '--since', 'long'],
    ])
      expect([argv, (await run(argv)).code]).toEqual([argv, 2])
    expect((await run(['status'], { HOLDFAST_CDN_CLOUDFLARE_ZONE: '' })).err).toContain('HF_CLI_NO_CDN')
    expect(await run(['dead'], { DATABASE_URL: empty.url })).toMatchObject({
      code: 3,
      err: expect.stringMatching(/HF_HTTP_CDN_QUEUE_AWAY.*there is no table holdfast.cdn_purge/),
    })
    expect(await run(['dead'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })).toMatchObject({
      code: 3,
      err: expect.stringContaining('ECONNREFUSED'),
    })
  })
})
