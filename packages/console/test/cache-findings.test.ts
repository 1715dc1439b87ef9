import { fakeClock } from '@holdfast/testkit'
import { createTieredCache, type TieredCache } from 'holdfast/cache'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createConsole, localInstance } from '../src/index.ts'
import { settle } from './support/settle.ts'

/** Uneven, and the same in each run: even steps would sample every second read. */
function seeded(): () => number {
  let state = 7
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** A real cache and a real console over it, on a clock moved by hand. */
async function stage(options: Parameters<typeof createTieredCache>[0] = {}) {
  const clock = fakeClock(1_000_000)
  const registry = createRegistry()
  const cache = createTieredCache({ jitter: 0, ...options }, { registry, clock, random: seeded() })
  const source = localInstance({
    snapshot: () => ({
      ...({ schema: 'holdfast.instance/1', service: 'leads', instanceId: 'leads-1', startedAtMs: 0, statements: [] } as const),
      health: { status: 'ok', reasons: [] },
      atMs: clock.nowMs(),
      metrics: registry.snapshot(),
      cache: cache.stats(),
    }),
  })
  const console = createConsole({ sources: [source], auth: { kind: 'custom', verify: async () => 'admin' }, clock })
  await console.start()
  onTestFinished(() => console.stop())
  const load = (ms: number) => async () => {
    clock.advance(ms)
    return { name: 'A' }
  }
  /** Lets minutes pass with the same reads in each second. */
  const minutes = async (count: number, second: (cache: TieredCache, at: number) => Promise<unknown>) => {
    for (let at = 0; at < count * 60; at++) {
      await second(cache, at)
      // In two steps: a reading that got no turn would be taken for one that timed out.
      for (const halfMs of [500, 500]) {
        clock.advance(halfMs - (clock.monotonicMs() % halfMs))
        await settle()
      }
    }
  }
  const found = async (rule: string, about = '') => {
    const list = await (await console.fetch(new Request('http://127.0.0.1/api/findings'))).json()
    const one = (list as { findings: { id: string; rule: string; title: string }[] }).findings.find(
      finding => finding.rule === rule && finding.title.includes(about),
    )
    if (one === undefined) return undefined
    return (await console.fetch(new Request(`http://127.0.0.1/api/findings/${one.id}`))).json() as Promise<Found>
  }
  return { console, load, minutes, found }
}

interface Found {
  readonly actions: readonly string[]
  readonly finding: {
    readonly id: string
    readonly state: string
    readonly title: string
    readonly savesMsPerSec: number
    readonly evidence: {
      readonly before: { readonly sampleCount: number }
      readonly figures: readonly { readonly name: string; readonly value: string }[]
    }
    readonly recommendation: { readonly summary: string; readonly option: { readonly name: string; readonly to: string } }
    readonly verification?: {
      readonly verdict: string
      readonly why: string
      readonly before: { readonly meanMs: number }
      readonly after: { readonly meanMs: number }
    }
    readonly history: readonly { readonly state: string }[]
  }
}

describe('findings about the cache', () => {
  it('advises the ttl that would have kept entries until they are read again, and closes when two minutes prove it', async () => {
    const { console, load, minutes, found } = await stage()
    // Each of 120 keys is read every 40 s, and lives for 5 s.
    const read = (ttl: '5s' | '2m') => async (cache: TieredCache, at: number) => {
      for (let i = 0; i < 3; i++) await cache.getOrSet(`fund:${(at * 3 + i) % 120}`, load(10), { ttl })
    }
    await minutes(3, read('5s'))
    const open = (await found('cache/ttl-too-short'))!
    expect(open.finding).toMatchObject({ state: 'open', recommendation: { option: { name: 'ttl', from: "'5s'" } } })
    expect(open.finding.title).toMatch(/^fund:\* is hit 0\.0 %: its ttl of 5 s ends before it is read again \(90 % within 40 s\)$/)
    expect(open.finding.recommendation.option.to).toMatch(/^'(40|41)s'$/)
    // 180 misses a minute, 9 of 10 avoidable, 10 ms each.
    expect(open.finding.savesMsPerSec).toBeGreaterThan(20)
    expect(open.finding.savesMsPerSec).toBeLessThan(31)
    expect(open.finding.evidence.before.sampleCount).toBeGreaterThan(150)
    expect(open.actions).toEqual([])
    expect(console.overview().fixFirst.map(({ rule }) => rule)).toContain('cache/ttl-too-short')

    await minutes(5, read('2m'))
    const { finding } = (await found('cache/ttl-too-short'))!
    expect(finding).toMatchObject({ state: 'verified', verification: { verdict: 'fixed' } })
    expect(finding.history.map(({ state }) => state)).toEqual(['open', 'applied', 'verified'])
    expect(finding.verification!.after.meanMs).toBeLessThan(finding.verification!.before.meanMs / 2)
    expect(finding.verification!.why).toMatch(/hit ratio 0\.0 % .* before; hit ratio \d+ % of \d+ reads, ttl 2 min/)
    expect(console.overview(900).events.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^C-[0-9a-f]{6} fixed: /))

    await minutes(4, read('5s'))
    expect((await found('cache/ttl-too-short'))!.finding).toMatchObject({ state: 'regressed', verification: { verdict: 'regressed' } })
  }, 30_000)

  it('names what is stored often and never hit, and stays silent about few', async () => {
    const { load, minutes, found } = await stage()
    let next = 0
    await minutes(2, async cache => {
      for (let i = 0; i < 2; i++) await cache.getOrSet(`search:${next++}`, load(1), { ttl: '30s' })
      if (next % 10 === 0) await cache.getOrSet(`rare:${next}`, load(1), { ttl: '30s' })
    })
    const { finding } = (await found('cache/never-hit'))!
    expect(finding.title).toMatch(/^search:\* was stored \d+ times in .* and never hit$/)
    expect(finding.evidence.figures).toContainEqual({ name: 'Hits in any tier', value: expect.stringMatching(/^0 in /) })
  }, 30_000)

  it('names what is too large for memory, with its size and key', async () => {
    const { minutes, found } = await stage({ l1: { maxBytes: '1mb' } })
    await minutes(2, cache => cache.set('export:all', 'x'.repeat(300_000)))
    const { finding } = (await found('cache/too-large'))!
    expect(finding.title).toMatch(/^export:\* is too large for memory: \d+ entries refused/)
    expect(finding.evidence.figures).toContainEqual({ name: 'Largest', value: expect.stringMatching(/^about \d00 kB, export:all$/) })
  }, 30_000)

  it('names the key that most of the reads outside memory ask for', async () => {
    const { load, minutes, found } = await stage({ l1: false })
    await minutes(3, async cache => {
      for (let i = 0; i < 30; i++) await cache.getOrSet(i % 2 === 0 ? 'rates:today' : `fund:${i}`, load(0))
    })
    const { finding } = (await found('cache/hot-key'))!
    expect(finding.title).toMatch(/^the key rates:today is \d\d % of what is asked of Redis and the loader, 1\d reads a second$/)
  }, 30_000)

  it('names the load that many wait for, with their number and time', async () => {
    const { load, minutes, found } = await stage()
    await minutes(2, async (cache, at) => {
      await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('rates:today', load(30), { ttl: '500ms' })))
      await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet(`quotes:${at}`, load(10))))
    })
    const { finding } = (await found('cache/herd'))!
    expect(finding.title).toMatch(/^19 callers at a time wait for one load of rates:\*, \d\d times in/)
    expect(finding.savesMsPerSec).toBeGreaterThan(300)
    expect(finding.recommendation.option.name).toBe('grace')
    // Nobody asked for these before, so there is no stale value to give.
    expect((await found('cache/herd', 'quotes'))!.finding.recommendation.option.name).toBe('warming')
  }, 30_000)

  it('raises a low hit ratio and many evictions of the whole cache, and only of enough reads', async () => {
    const { load, minutes, found } = await stage({ l1: { maxEntries: 50 } })
    let next = 0
    await minutes(1, async cache => {
      for (let i = 0; i < 2; i++) await cache.getOrSet(`page:${next++ % 500}`, load(1), { ttl: '10m' })
    })
    expect(await found('cache/low-hit-ratio')).toBeUndefined()
    await minutes(2, async cache => {
      for (let i = 0; i < 25; i++) await cache.getOrSet(`page:${next++ % 500}`, load(1), { ttl: '10m' })
    })
    expect((await found('cache/low-hit-ratio'))!.finding.title).toMatch(/^0\.0 % of the reads are hits, 80 % are wanted; page:\* misses most$/)
    expect((await found('cache/many-evictions'))!.finding.title).toMatch(/^memory is too small: \d+ % of what is put in is pushed out/)
  }, 30_000)
})
