import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { parseClusterView, parseRedirection } from '../../src/cache/redis/cluster-view.ts'
import { RecentWrites } from '../../src/cache/redis/recent-writes.ts'
import { redisNames } from '../../src/cache/redis/redis-names.ts'
import { isTooOld, parseIdentity } from '../../src/cache/redis/server-identity.ts'
import { slotOf } from '../../src/cache/redis/slots.ts'

const asked = { host: '10.0.0.9', port: 7000 }

describe('the slot of a key', () => {
  it('is what Redis computes, also of hash tags and of other letters', () => {
    // As answered by CLUSTER KEYSLOT of Redis 7.0.
    expect(['123456789', 'foo', '{user1000}.following', 'foo{}{bar}', 'foo{{bar}}zap'].map(slotOf)).toEqual([12_739, 12_182, 3443, 8363, 4015])
    expect(slotOf('ключ')).toBe(slotOf('{ключ}'))
  })

  it('is one for an entry and its lease, whatever the key', () => {
    const { keyPrefix, leasePrefix, fencePrefix, keySuffix } = redisNames('app', true)
    for (const key of ['k', '}', '{}', '}{', 'a{b}c', '{a}b', '{', 'ключ}']) {
      expect(slotOf(keyPrefix + key + keySuffix)).toBe(slotOf(leasePrefix + key + keySuffix))
      expect(slotOf(keyPrefix + key + keySuffix)).toBe(slotOf(fencePrefix + key + keySuffix))
    }
    const slots = new Set(Array.from({ length: 100 }, (_, i) => slotOf(`${keyPrefix}k${i}${keySuffix}`)))
    expect(slots.size).toBeGreaterThan(90)
  })
})

describe('what a member says of its cluster', () => {
  it('is read with its epoch, and with its own address where it does not know it', () => {
    const info = Buffer.from('cluster_state:ok\r\ncluster_current_epoch:12\r\n')
    const slots = [
      [0, 100, [Buffer.from(''), 7000, Buffer.from('id')], [Buffer.from('10.0.0.2'), 7001, Buffer.from('id')]],
      [101, 16_383, [null, 7002, Buffer.from('id')]],
    ]
    expect(parseClusterView(info, slots, asked)).toEqual({
      epoch: 12,
      isOk: true,
      ranges: [
        { from: 0, to: 100, primary: { host: '10.0.0.9', port: 7000 }, replicas: [{ host: '10.0.0.2', port: 7001 }] },
        { from: 101, to: 16_383, primary: { host: '10.0.0.9', port: 7002 }, replicas: [] },
      ],
    })
    expect(parseClusterView(Buffer.from('cluster_state:fail\r\n'), [], asked)).toMatchObject({ isOk: false, epoch: 0 })
  })

  it('can be a redirection, to an address of either kind', () => {
    expect(parseRedirection('MOVED 3999 127.0.0.1:6381', asked)).toEqual({ slot: 3999, address: { host: '127.0.0.1', port: 6381 } })
    expect(parseRedirection('ASK 1 ::1:6381', asked)?.address).toEqual({ host: '::1', port: 6381 })
    expect(parseRedirection('MOVED 1 :6381', asked)?.address).toEqual({ host: '10.0.0.9', port: 6381 })
    expect(parseRedirection('ERR no', asked)).toBeUndefined()
  })
})

describe('what a server says of itself', () => {
  const info = (lines: Record<string, string | number>): string =>
    Object.entries({ run_id: 'a', ...lines })
      .map(pair => pair.join(':'))
      .join('\r\n')

  it('tells a snapshot from an append-only file, from a replica’s copy and from nothing', () => {
    const loaded = (lines: Record<string, string | number>): boolean => parseIdentity(info(lines))!.hasLoadedSnapshot
    expect(loaded({ rdb_last_load_keys_loaded: 5 })).toBe(true)
    expect(loaded({ rdb_last_load_keys_loaded: 5, aof_enabled: 1 })).toBe(false)
    expect(loaded({ rdb_last_load_keys_loaded: 5, total_net_repl_input_bytes: 900 })).toBe(false)
    expect(loaded({ rdb_last_load_keys_loaded: 0, db0: 'keys=1' })).toBe(false)
    // Redis 6.2 says less.
    expect([loaded({ db0: 'keys=1' }), loaded({})]).toEqual([true, false])
  })

  it('is nothing where it may not be asked, and its version is compared as numbers', () => {
    expect(parseIdentity('')).toBeUndefined()
    const old = (redis_version: string): boolean => isTooOld(parseIdentity(info({ redis_version }))!)
    expect(['5.0.14', '6.0.20', '6.2.0', '7.0.15', '10.1.0', ''].map(old)).toEqual([true, true, false, false, false, false])
  })
})

describe('RecentWrites', () => {
  const heldBy = (recent: RecentWrites): { keys: string[]; tags: string[] } => {
    const held = { keys: [] as string[], tags: [] as string[] }
    recent.copyTo({ addKey: key => held.keys.push(key), addTag: tag => held.tags.push(tag) }, () => true)
    return held
  }

  it('remembers for at least ten seconds and at most twenty', () => {
    const clock = fakeClock()
    const recent = new RecentWrites(clock)
    recent.addKey('k')
    recent.addTag('t')
    clock.advance(9000)
    expect(heldBy(recent)).toEqual({ keys: ['k'], tags: ['t'] })
    clock.advance(11_000)
    expect(heldBy(recent)).toEqual({ keys: [], tags: [] })
  })

  it('asks for everything to be dropped when there was more than it remembers', () => {
    const recent = new RecentWrites(fakeClock())
    for (let i = 0; i < 10_001; i++) recent.addKey(`k${i}`)
    expect(heldBy(recent)).toEqual({ keys: [], tags: [''] })
  })
})
