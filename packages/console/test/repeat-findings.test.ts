import { fakeClock } from '@holdfast/testkit'
import type { InstanceSnapshot } from 'holdfast'
import { createRequestMonitor } from 'holdfast/http'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRepeatWindows } from '../src/findings/repeats/repeat-view.ts'
import { createConsole, localInstance } from '../src/index.ts'
import { settle } from './support/settle.ts'

type Repeat = NonNullable<InstanceSnapshot['repeats']>[number]

const REPEAT: Repeat = {
  ...{ rule: 'pg/n-plus-one', fingerprint: '0123456789abcdef', text: 'select name from agent where id = $1' },
  ...{ route: 'GET /leads', callSite: 'src/leads.ts:12:3', isWrite: false, mostCalls: 20 },
  ...{ requestCount: 0, callCount: 0, distinctCount: 0, repeatMs: 0 },
}

/** What an instance says after so many requests of 20 calls. */
const after = (requestCount: number, own: Partial<Repeat> = {}): Repeat => ({
  ...REPEAT,
  ...{ requestCount, callCount: requestCount * 20, distinctCount: requestCount * 20, repeatMs: requestCount * 9.5 },
  ...own,
})

/** A console over an instance whose repeats are set by hand, on a clock moved by hand. */
async function stage() {
  const clock = fakeClock(1_000_000)
  const registry = createRegistry()
  const requests = createRequestMonitor(registry, clock)
  let repeats: readonly Repeat[] = []
  const source = localInstance({
    snapshot: () => ({
      ...({ schema: 'holdfast.instance/1', service: 'leads', instanceId: 'leads-1', startedAtMs: 0, statements: [] } as const),
      ...{ health: { status: 'ok' as const, reasons: [] }, atMs: clock.nowMs(), metrics: registry.snapshot(), repeats },
    }),
  })
  const console = createConsole({ sources: [source], auth: { kind: 'custom', verify: async () => 'admin' }, clock })
  await console.start()
  onTestFinished(() => console.stop())
  /** A minute with one request a second, after which the instance says `at(second)`. */
  const minute = async (at: (second: number) => readonly Repeat[]) => {
    for (let second = 0; second < 60; second++) {
      requests.begin().end('GET /leads', 200)
      repeats = at(second)
      for (const halfMs of [500, 500]) {
        clock.advance(halfMs - (clock.monotonicMs() % halfMs))
        await settle()
      }
    }
  }
  const get = async (path: string) => (await console.fetch(new Request(`http://127.0.0.1/api/${path}`))).json()
  return { minute, get }
}

describe('a statement that requests repeat', () => {
  it('is a finding with route, call site, counts and time, mended by itself when the route stops, and back when it begins again', async () => {
    const { minute, get } = await stage()
    await minute(second => [after(second)])
    await minute(second => [after(60 + second)])
    const { findings } = (await get('findings')) as { findings: { id: string; rule: string; state: string }[] }
    expect(findings).toMatchObject([{ id: expect.stringMatching(/^N-[0-9a-f]{6}$/), rule: 'pg/n-plus-one', state: 'open' }])
    const path = `findings/${findings[0]!.id}`
    const { finding, actions } = (await get(path)) as never as { finding: Record<string, never>; actions: string[] }
    expect(actions).toEqual([])
    expect(finding).toMatchObject({
      title: 'GET /leads sends one statement 20 times a request with other parameters (N+1)',
      evidence: {
        ...{ tier: 'measured', statement: REPEAT.text },
        figures: expect.arrayContaining([
          { name: 'Sent by', value: 'src/leads.ts:12:3' },
          { name: 'Calls a request', value: expect.stringMatching(/^20 in the mean, 20 at most, n \d+ requests$/) },
        ]),
      },
      recommendation: { option: { name: 'src/leads.ts:12:3', from: '20 statements a request', to: '1 statement a request' } },
    })
    // 9.5 ms a request, one request a second.
    expect(finding.savesMsPerSec).toBeCloseTo(9.5, 0)

    for (let n = 0; n < 3; n++) await minute(() => [after(119)])
    expect(await get(path)).toMatchObject({ finding: { state: 'verified', verification: { verdict: 'fixed' } } })
    for (let n = 0; n < 3; n++) await minute(second => [after(119 + n * 60 + second)])
    expect(await get(path)).toMatchObject({ finding: { state: 'regressed' } })
  })

  it('is told apart from a duplicate read, and a few requests in a minute are no finding', async () => {
    const { minute, get } = await stage()
    const duplicate = (count: number) => after(count, { rule: 'pg/duplicate-read', distinctCount: count })
    const rare = (count: number) => after(count, { route: 'GET /rare' })
    await minute(second => [duplicate(second), rare(0)])
    await minute(second => [duplicate(60 + second), rare(2)])
    expect(await get('findings')).toMatchObject({
      findings: [{ rule: 'pg/duplicate-read', title: 'GET /leads reads the same 20 times in one request' }],
    })
  })
})

describe('windows of repeats', () => {
  it('add what instances did since the last look, and leave out one that is new or was restarted', () => {
    const windows = createRepeatWindows()
    const count = (...instances: [string, number][]) =>
      windows.next(instances.map(([instanceId, requests]) => ({ instanceId, repeats: [after(requests)] }))).map(pattern => pattern.requestCount)
    expect(count(['a', 100])).toEqual([])
    expect(count(['a', 103], ['b', 50])).toEqual([3])
    expect(count(['a', 103], ['b', 54])).toEqual([4])
    expect(count(['a', 103], ['b', 54])).toEqual([0])
    expect(count(['a2', 7], ['b', 55])).toEqual([1])
    // A pattern that was forgotten and found again counts from zero.
    expect(count(['a2', 2], ['b', 55])).toEqual([2])
  })

  it('remember 400 patterns', () => {
    const windows = createRepeatWindows()
    const next = (requests: number) =>
      windows.next([{ instanceId: 'a', repeats: Array.from({ length: 500 }, (_, n) => after(requests, { route: `GET /r${n}` })) }])
    next(0)
    expect(next(5)).toHaveLength(400)
  })
})
