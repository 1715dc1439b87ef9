import { describe, expect, it } from 'vitest'
import { CallSiteSampler, captureCallSite, describeCallSite } from '../../../src/postgres/pool/call-site.ts'
import { Checkouts } from '../../../src/postgres/pool/checkouts.ts'
import { createConnectionState } from '../../../src/postgres/statement-watch.ts'

it('names the file and line of the code that called', () => {
  const ask = (): ReturnType<typeof captureCallSite> => captureCallSite(ask)
  expect(describeCallSite(ask())).toMatch(/^packages\/holdfast\/test\/postgres\/pool\/call-site\.test\.ts:\d+:\d+$/)
})

it('passes over frames of Node and of packages while the service has one', () => {
  const stack = ['Error', '    at a (node:internal/x:1:1)', '    at b (/app/node_modules/orm/x.js:1:2)', '    at async /app/src/leads.ts:7:3'].join(
    '\n',
  )
  expect(describeCallSite({ stack })).toBe('/app/src/leads.ts:7:3')
  expect(describeCallSite({ stack: stack.replace('/app/src', 'node:x') })).toBe('/app/node_modules/orm/x.js:1:2')
  expect(describeCallSite({ stack: 'Error\n    at native' })).toBeUndefined()
})

describe('of the callers', () => {
  const capturedOf = (sampler: CallSiteSampler, fromMs: number, count: number, everyMs: number): number =>
    Array.from({ length: count }, (_, n) => sampler.capture({ monotonicMs: () => fromMs + n * everyMs }, capturedOf)).filter(
      site => site !== undefined,
    ).length

  it('looks at the first fifty, then at one in 64, and at 20 a second of a busy pool', () => {
    const sampler = new CallSiteSampler()
    expect(capturedOf(sampler, 0, 50, 0.01)).toBe(50)
    expect(capturedOf(sampler, 1000, 640, 20)).toBe(10)
    expect(capturedOf(sampler, 20_000, 100_000, 0.01)).toBe(20)
  })

  it('reads the clock for one in 64, also while it is too early for another stack', () => {
    const sampler = new CallSiteSampler()
    capturedOf(sampler, 0, 50, 0.01)
    let readings = 0
    const monotonicMs = (): number => ++readings / 1000
    for (let n = 0; n < 6400; n++) sampler.capture({ monotonicMs }, capturedOf)
    expect(readings).toBe(100)
  })

  it('looks at fifty more when one was missed that holds its connection for a second', () => {
    const checkouts = new Checkouts(() => undefined)
    expect(capturedOf(checkouts.clientSites, 0, 60, 0.01)).toBe(50)
    checkouts.describe({ ...createConnectionState(), heldSinceMs: 0 }, 900)
    expect(capturedOf(checkouts.clientSites, 900, 60, 0.01)).toBeLessThan(2)
    for (const nowMs of [1000, 1100]) checkouts.describe({ ...createConnectionState(), heldSinceMs: 0 }, nowMs)
    expect(capturedOf(checkouts.clientSites, 1100, 60, 0.01)).toBe(50)
    checkouts.describe({ ...createConnectionState(), heldSinceMs: 0 }, 1200)
    expect(capturedOf(checkouts.clientSites, 1200, 60, 0.01)).toBeLessThan(2)
  })
})
