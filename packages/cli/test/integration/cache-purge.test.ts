import { cloneDatabase, startCloudflare } from '@holdfast/testkit'
import { createTieredCache, type TieredCache } from 'holdfast/cache'
import { ownSchemaSql } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

const REDIS_URL = process.env.HOLDFAST_TEST_REDIS_URL!
const namespace = `cli-purge-${process.pid}`

describe('holdfast cache purge', () => {
  let service: TieredCache
  let cdn: Awaited<ReturnType<typeof startCloudflare>>
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    service = createTieredCache({ namespace }, { redis: REDIS_URL, registry: createRegistry() })
    await service.start()
    cdn = await startCloudflare()
    env = { REDIS_URL, HOLDFAST_CDN_CLOUDFLARE_ZONE: 'z1', CLOUDFLARE_API_TOKEN: 'cf-token', HOLDFAST_CDN_CLOUDFLARE_API: cdn.url }
  })
  afterAll(async () => {
    await service.stop()
    await cdn[Symbol.asyncDispose]()
  })

  async function run(argv: string[], over: NodeJS.ProcessEnv = {}) {
    const host = fakeHost({ ...env, ...over })
    const code = await runCommandLine(['cache', 'purge', ...argv, '--namespace', namespace], host)
    return { code, out: host.out(), err: host.err() }
  }

  it('drops a tag from the caches and at the CDN, and with --dry-run says what it would send and sends nothing', async () => {
    await service.set('fund', 1, { tags: ['fund 7'], ttl: '1m' })
    const dry = await run(['--tag', 'fund 7', '--url', 'https://zone.test/a', '--dry-run'])
    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^would purge caches.*"fund 7", https:\/\/zone.test\/a\nwould purge cloudflare: .*\(2 requests\)\n/),
    })
    expect(dry.out).toContain('purge_cache {"tags":["fund%207"]}')
    expect([await service.get('fund'), cdn.purged]).toEqual([1, []])
    const done = await run(['--tag', 'fund 7', '--url', 'https://zone.test/a', '--json'])
    expect(done.code).toBe(0)
    expect(JSON.parse(done.out)).toMatchObject({
      ...{ schema: 'holdfast.cache-purge/1', namespace, tags: ['fund 7'], all: false, dryRun: false, caches: true, audit: 'none' },
      cdns: [{ provider: 'cloudflare', requests: [{ method: 'POST' }, { method: 'POST' }] }],
    })
    expect([await service.get('fund'), cdn.purged]).toEqual([undefined, ['tag fund%207', 'url https://zone.test/a']])
    expect(done.out + done.err + dry.out).not.toContain('cf-token')
  })

  it('purges everything only when confirmed, and leaves a line in the audit log', async () => {
    const database = await cloneDatabase({ name: 'purge' })
    const admin = new pg.Client({ connectionString: database.url })
    await admin.connect()
    cdn.purged.length = 0
    await service.set('fund', 1, { ttl: '1m' })
    expect(await run(['--all'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('HF_CLI_CONFIRMATION_REQUIRED') })
    expect([await service.get('fund'), cdn.purged]).toEqual([1, []])
    const DATABASE_URL = database.url
    // No schema yet: the purge is done all the same.
    expect(await run(['--all', '--yes'], { DATABASE_URL })).toMatchObject({
      code: 0,
      err: expect.stringContaining('the audit log could not be written'),
    })
    await admin.query(ownSchemaSql())
    const again = await run(['--all', '--yes', '--json'], { DATABASE_URL })
    expect(JSON.parse(again.out)).toMatchObject({ all: true, audit: 'written' })
    expect([await service.get('fund'), cdn.purged]).toEqual([undefined, ['all', 'all']])
    const { rows } = await admin.query('select what, finding_id, outcome, detail from holdfast.audit_log')
    expect(rows).toEqual([
      { what: 'purge', finding_id: 'cache', outcome: 'done', detail: `everything in the namespace ${namespace}; cloudflare: purged` },
    ])
    await admin.end()
    await database.drop()
  })

  it('holdfast console purges tags and URLs at the CDN too, through the queue in the database', async () => {
    const database = await cloneDatabase({ name: 'console' })
    const token = 'a-token-that-is-long-enough'
    const host = fakeHost({ ...env, DATABASE_URL: database.url, HOLDFAST_CONSOLE_TOKEN: token })
    cdn.purged.length = 0
    await service.set('fund', 1, { tags: ['fund:7'], ttl: '1m' })
    const running = runCommandLine(['console', '--instance', 'http://127.0.0.1:1/none', '--port', '0', '--namespace', namespace, '--json'], host)
    await vi.waitFor(() => expect(host.out()).toContain('"url"'), { timeout: 20_000 })
    const { url } = JSON.parse(host.out()) as { url: string }
    const answer = await fetch(new URL('/api/v1/performance/cache/invalidate', url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tags: ['fund:7'], urls: ['https://zone.test/a'] }),
    })
    expect(await answer.json()).toMatchObject({ tags: ['fund:7'], urls: ['https://zone.test/a'], cdns: ['cloudflare'] })
    expect(await service.get('fund')).toBe(undefined)
    await vi.waitFor(() => expect([...cdn.purged].sort()).toEqual(['tag fund:7', 'url https://zone.test/a']), { timeout: 10_000 })
    host.interrupt()
    await running
    await database.drop()
  })

  it('ends with 3 when the CDN did not take it, with 2 for what it does not understand', async () => {
    const refused = await run(['--url', 'https://elsewhere.test/'])
    expect(refused).toMatchObject({ code: 3, out: expect.stringMatching(/✓ caches.*\n✗ cloudflare: HF_HTTP_CDN_REJECTED .*not of this zone/) })
    for (const argv of [[], ['--all', '--tag', 'a'], ['--url', 'nowhere']]) expect((await run([...argv, '--yes'])).code).toBe(2)
    expect((await run(['--tag', 'a'], { CLOUDFLARE_API_TOKEN: '' })).err).toContain('cloudflare.token')
  })
})
