import { startServices } from '@holdfast/dev-services'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MakeSubject, makeHoldfast } from './toys/subject.ts'
import * as toys from './toys/toys.ts'
import * as traps from './toys/traps.ts'

let services: Awaited<ReturnType<typeof startServices>>
let redis: traps.TrapRedis
beforeAll(async () => {
  services = await startServices({ only: ['redis'], durable: false, requireRedis: true })
  redis = { url: services.cacheRedis!.url, pid: services.cacheRedis!.pid! }
})
afterAll(() => services.stop())

const CASES: readonly (readonly [flaw: string, toy: MakeSubject, trap: traps.Trap])[] = [
  ['lets a late load bring deleted data back', toys.cacheAside, traps.lateLoad],
  ['calls a map of promises stampede protection', toys.promiseMap, traps.stampede],
  ['takes publish and subscribe for reliable', toys.pubsub, traps.silentChannel],
  ['switches tracking on once', toys.trackingOnce, traps.reconnect],
  ['waits for a Redis that is frozen', toys.patient, traps.frozen],
  ['drops the deletes of an outage', toys.forgetful, traps.deleteInPartition],
  ['dates tags by the clocks of hosts', toys.clockTags, traps.skewedClock],
  ['fills memory with a fresh ttl, live objects and JSON', toys.freshTtl, traps.faithfulMemory],
  ['takes a long way to a hit', toys.heavyHit, traps.cheapHit],
  ['keeps tables that never shrink, and lets a cold start through to the database', toys.sideTables, traps.bounded],
]

describe.each(CASES)('a toy that %s', (_, toy, trap) => {
  it('is caught, and Holdfast is not', async () => {
    // One after the other where Redis is frozen or the CPU measured.
    const isExclusive = trap === traps.frozen || trap === traps.cheapHit || trap === traps.bounded
    const ofToyFirst = isExclusive ? await trap(toy, redis, 'toy') : []
    const [ofHoldfast, ofToy] = await Promise.all([trap(makeHoldfast, redis, 'holdfast'), isExclusive ? ofToyFirst : trap(toy, redis, 'toy')])
    expect(ofHoldfast).toEqual([])
    expect(ofToy).not.toEqual([])
  })
})
