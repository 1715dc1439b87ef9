import { createTieredCache, createWarming, type TieredCache } from 'holdfast/cache'
import { createRegistry } from 'holdfast/telemetry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

const REDIS_URL = process.env.HOLDFAST_TEST_REDIS_URL!
const namespace = `cli-warm-${process.pid}`

async function run(...argv: string[]) {
  const host = fakeHost({ REDIS_URL })
  const code = await runCommandLine(['cache', 'warm', ...argv], host)
  return { code, out: host.out(), err: host.err() }
}

describe('holdfast cache warm', () => {
  let service: TieredCache
  beforeAll(async () => {
    service = createTieredCache({ namespace }, { redis: REDIS_URL, registry: createRegistry() })
    await service.start()
    const broken = (): never => {
      throw new Error('no such table')
    }
    const warming = createWarming(service, {
      sources: [
        { name: 'agents', keys: () => ['a', 'b'], load: ({ key }) => key, on: [] },
        { name: 'broken', keys: () => ['c'], load: broken, on: [] },
      ],
    })
    await warming.start()
    // Heard only once it is subscribed, of which nothing tells from outside.
    while ((await run('--namespace', namespace, '--source', 'agents')).code !== 0);
  })
  afterAll(() => service.stop())

  it('has a service warm, and prints what became of each source', async () => {
    await service.delete('a')
    expect(await run('--namespace', namespace, '--source', 'agents')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^✓ agents: 1 loaded, 1 fresh already in \d+\.\d s\n$/),
    })
    expect(await service.get('a')).toBe('a')
  })

  it('exits with 1 and the cause when a source fails, also as JSON', async () => {
    const { code, out } = await run('--namespace', namespace, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      schema: 'holdfast.cache-warming/1',
      namespace,
      processes: 1,
      sources: [
        { source: 'agents', outcome: 'warmed', failed: 0 },
        { source: 'broken', failed: 1, errors: ['no such table'] },
      ],
    })
    expect((await run('--namespace', namespace, '--source', 'broken')).out).toMatch(/^✗ broken: 0 loaded, .*1 failed.*\n {4}no such table\n$/)
  })

  it('says when nobody answers, and which sources there are', async () => {
    expect(await run('--namespace', `${namespace}-empty`)).toMatchObject({ code: 3, err: expect.stringContaining('HF_CACHE_NO_WARMER') })
    expect(await run('--namespace', namespace, '--source', 'agents', 'typo')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/HF_CACHE_NO_SUCH_SOURCE.*typo; known are agents, broken/),
    })
  })
})
