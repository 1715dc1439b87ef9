import { expect, it } from 'vitest'
import { CallSiteSampler, captureCallSite, describeCallSite } from '../../../src/postgres/pool/call-site.ts'

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

it('captures each checkout of a quiet pool and a hundred a second of a busy one', () => {
  const sampler = new CallSiteSampler()
  const capturedIn = (fromMs: number, count: number, everyMs: number): number =>
    Array.from({ length: count }, (_, n) => sampler.capture(fromMs + n * everyMs, capturedIn)).filter(site => site !== undefined).length
  expect(capturedIn(0, 20, 20)).toBe(20)
  const busy = capturedIn(1000, 100_000, 0.01)
  expect(busy).toBeGreaterThanOrEqual(100)
  expect(busy).toBeLessThanOrEqual(155)
})
