import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { rateLimit as limitHono } from '../../../src/adapters/hono.ts'
import { createTieredCache } from '../../../src/cache/index.ts'
import { clientAddress, createRateLimiter, type RateLimitOptions } from '../../../src/http/index.ts'
import { decideRate } from '../../../src/http/rate-limit/gcra.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'

const limiterOn = (clock: FakeClock, options: RateLimitOptions) =>
  createRateLimiter(options, createTieredCache({}, { clock, registry: createRegistry() }))

it('says what is left on an answer of Hono whose fields cannot be changed', async () => {
  const app = new Hono()
  app.use(limitHono(limiterOn(fakeClock(), { name: 'api', limit: 2, per: '10s' })))
  app.get('/a', () => Response.redirect('http://shop.test/b', 302))
  const response = await app.request('http://shop.test/a')
  expect([response.status, response.headers.get('location'), response.headers.get('ratelimit')]).toEqual([302, 'http://shop.test/b', '"api";r=1;t=5'])
})

describe('the rate', () => {
  it('lets a burst through, then one each interval, and does not prolong the wait of who insists', () => {
    const rate = { intervalMs: 100, burst: 3 }
    let tatMs = 0
    const allowedAt = (nowMs: number): boolean => {
      const decision = decideRate(rate, tatMs, nowMs, 1)
      tatMs = decision.tatMs
      return decision.isAllowed
    }
    expect([1000, 1000, 1000, 1000, 1050, 1099, 1100, 1101, 1200].map(allowedAt)).toEqual([true, true, true, false, false, false, true, false, true])
  })

  it('says what is left, when it is whole again, and when to come back', () => {
    const rate = { intervalMs: 100, burst: 3 }
    expect(decideRate(rate, 0, 1000, 1)).toEqual({ isAllowed: true, tatMs: 1100, remaining: 2, resetMs: 100, retryAfterMs: 0 })
    expect(decideRate(rate, 1300, 1000, 1)).toEqual({ isAllowed: false, tatMs: 1300, remaining: 0, resetMs: 300, retryAfterMs: 100 })
    expect(decideRate(rate, 1200, 1000, 2)).toMatchObject({ isAllowed: false, remaining: 1, retryAfterMs: 100 })
  })
})

describe('a limiter without Redis', () => {
  it('counts each identity by itself', async () => {
    const clock = fakeClock()
    const limiter = limiterOn(clock, { name: 'api', limit: 2, per: '1s' })
    const ask = async (who: string): Promise<boolean> => (await limiter.check(who)).isAllowed
    expect([await ask('a'), await ask('a'), await ask('a'), await ask('b')]).toEqual([true, true, false, true])
    clock.advance(500)
    expect([await ask('a'), await ask('a')]).toEqual([true, false])
  })

  it('names every bad option at once', () => {
    expect(() => limiterOn(fakeClock(), { name: 'a b', limit: 0, per: '0s', burst: 1.5 })).toThrow(/name[\s\S]*limit[\s\S]*burst[\s\S]*per/)
  })
})

describe('the address that counts', () => {
  it.each([
    ['192.0.2.7', undefined, 0, '192.0.2.7'],
    ['192.0.2.7', '198.51.100.1', 0, '192.0.2.7'],
    ['192.0.2.7', '6.6.6.6, 198.51.100.1', 1, '198.51.100.1'],
    ['192.0.2.7', '6.6.6.6, 198.51.100.1, 10.0.0.1', 2, '198.51.100.1'],
    ['192.0.2.7', undefined, 2, '192.0.2.7'],
    ['::ffff:192.0.2.7', undefined, 0, '192.0.2.7'],
    ['2001:db8:1:2ff::1', undefined, 0, '2001:db8:1:200::/56'],
    ['2001:db8:1:2aa:9:8:7:6', undefined, 0, '2001:db8:1:200::/56'],
    ['::1', undefined, 0, '0:0:0:0::/56'],
    ['fe80::1%eth0', undefined, 0, 'fe80:0:0:0::/56'],
    ['10.0.0.1', '[2001:db8::1]:4711', 1, '2001:db8:0:0::/56'],
    ['10.0.0.1', '192.0.2.9:4711', 1, '192.0.2.9'],
    ['10.0.0.1', 'nonsense', 1, 'unknown'],
    [undefined, undefined, 0, 'unknown'],
  ])('of %s with %s and %d hops is %s', (peer, forwarded, hops, expected) => {
    expect(clientAddress(peer, forwarded, hops)).toBe(expected)
  })
})
