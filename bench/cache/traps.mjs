// What a cache must not do under concurrency, each as a small play with a writer, a reader elsewhere, and a plain client. A play returns nothing when the cache
// comes out right, else what it did wrong.
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { Worker } from 'node:worker_threads'

/** For the news of a change to reach the others. */
const SETTLE_MS = 150
const OLD = { v: 'old' }
const NEW = { v: 'new' }

/**
 * @typedef {object} Stage
 * @property {string} name of the contender
 * @property {string} url
 * @property {string} namespace of this play alone
 * @property {import('./contenders.mjs').Contender} cache
 * @property {import('./contenders.mjs').Contender} other as in another process: its own memory, its own connections
 * @property {(options?: object) => Promise<import('./contenders.mjs').Contender>} open one more, closed afterwards
 * @property {import('ioredis').Redis} client of another program
 */

/** @type {{ key: string, title: string, needs?: 'tags' | 'refresh', play: (stage: Stage) => Promise<string | undefined> }[]} */
export const TRAPS = [
  {
    key: 'loadAfterDelete',
    title: 'a load that began before a delete does not bring the old value back',
    play: stage => lateLoad(stage, () => stage.cache.delete('k')),
  },
  {
    key: 'loadAfterDeleteElsewhere',
    title: 'nor when the delete came from another process',
    play: stage => lateLoad(stage, () => stage.other.delete('k')),
  },
  { key: 'loadAfterSet', title: 'nor over a newer write', play: stage => lateLoad(stage, () => stage.cache.set('k', NEW)) },
  {
    key: 'loadAfterSetElsewhere',
    title: 'nor over a newer write of another process',
    play: stage => lateLoad(stage, () => stage.other.set('k', NEW)),
  },
  {
    key: 'loadAfterTag',
    title: 'nor after a tag was invalidated',
    needs: 'tags',
    play: stage => lateLoad(stage, () => stage.cache.invalidateTag('t'), stage.cache.options({ tags: ['t'] })),
  },
  {
    key: 'loadAfterTagElsewhere',
    title: 'nor after a tag was invalidated by another process',
    needs: 'tags',
    play: stage => lateLoad(stage, () => stage.other.invalidateTag('t'), stage.cache.options({ tags: ['t'] })),
  },
  { key: 'lateRefresh', title: 'a late background refresh does not overwrite a newer write', needs: 'refresh', play: lateRefresh },
  { key: 'types', title: 'Date, Map, Set, BigInt and bytes come back alike from memory and Redis', play: typesComeBack },
  { key: 'nothing', title: 'null is a value, and undefined does not throw', play: nothingIsHandled },
  { key: 'expiry', title: "a copy in memory does not outlive the entry's end in Redis", play: copyEndsInTime },
  { key: 'mutation', title: 'a caller that changes a value does not change the cache', play: mutationStaysOutside },
  { key: 'failingLoad', title: "fifty waiters on one failing load: one call, the loader's own error to each", play: failingLoadIsShared },
  { key: 'skew', title: 'a tag invalidation holds when the clock of the writing host is 5 s ahead', needs: 'tags', play: tagHoldsUnderSkew },
  { key: 'foreignDelete', title: 'a delete by another program is seen by memory', play: foreignDeleteIsSeen },
  { key: 'corrupt', title: 'a payload that cannot be read is a miss', play: corruptPayloadIsMiss },
  { key: 'oddKeys', title: 'keys such as __proto__, spaces and unicode work', play: oddKeysWork },
  { key: 'clearElsewhere', title: 'clear reaches the memory of other processes', play: clearReachesOthers },
  { key: 'clearSpares', title: 'clear spares keys of others in the same Redis', play: clearSparesOthers },
]

function gate() {
  let open
  const opened = new Promise(resolve => {
    open = resolve
  })
  return { open, opened }
}

async function lateLoad({ cache, other, open }, change, options) {
  const began = gate()
  const release = gate()
  const reading = cache.getOrSet(
    'k',
    async () => {
      began.open()
      await release.opened
      return { ...OLD }
    },
    options,
  )
  await began.opened
  await change()
  release.open()
  await reading
  await pause(SETTLE_MS)
  const fresh = await open()
  for (const [who, reader] of Object.entries({ 'the same process': cache, 'another process': other, 'a new process': fresh })) {
    const { v } = await reader.getOrSet('k', () => ({ ...NEW }), options)
    if (v !== 'new') return `${who} reads the old value`
  }
  return undefined
}

async function lateRefresh({ open }) {
  const cache = await open({ refreshAfterMs: 200, ttlMs: 10_000 })
  await cache.getOrSet('k', () => ({ v: 'first' }))
  await pause(400)
  const began = gate()
  const release = gate()
  const refresh = async () => {
    began.open()
    await release.opened
    return { ...OLD }
  }
  void cache.getOrSet('k', refresh)
  if (await Promise.race([began.opened.then(() => false), pause(1500, true)])) return 'no refresh began'
  await cache.set('k', NEW)
  release.open()
  await pause(SETTLE_MS)
  const fresh = await open()
  for (const reader of [cache, fresh]) if ((await reader.getOrSet('k', () => ({ ...NEW }))).v !== 'new') return 'the newer write is gone'
  return undefined
}

async function typesComeBack({ cache, other }) {
  const value = { at: new Date(5), map: new Map([['a', 1]]), set: new Set([1, 2]), big: 2n ** 70n, bytes: new Uint8Array([1, 2, 255]) }
  await cache.getOrSet('k', () => value)
  const mustNotLoad = () => {
    throw new Error('was not stored')
  }
  for (const [where, reader] of Object.entries({ memory: cache, Redis: other })) {
    const read = await reader.getOrSet('k', mustNotLoad)
    for (const [field, expected] of Object.entries(value)) {
      const found = read?.[field]
      const isAlike =
        expected instanceof Uint8Array ? found instanceof Uint8Array && Buffer.compare(found, expected) === 0 : isDeepStrictEqual(found, expected)
      if (!isAlike) return `${field} is another after ${where}`
    }
  }
  return undefined
}

async function nothingIsHandled({ cache, other }) {
  let loads = 0
  const load = () => {
    loads++
    return null
  }
  for (const reader of [cache, cache, other]) if ((await reader.getOrSet('null', load)) !== null) return 'null comes back as something else'
  if (loads !== 1) return `null was loaded ${loads} times`
  const nothing = await cache.getOrSet('undefined', () => undefined)
  return nothing == null ? undefined : 'undefined comes back as something else'
}

async function copyEndsInTime({ open }) {
  const [writer, reader] = [await open({ ttlMs: 1000 }), await open({ ttlMs: 1000 })]
  await writer.set('k', OLD)
  await pause(700)
  if ((await reader.getOrSet('k', () => ({ ...NEW }))).v !== 'old') return 'the entry was not found in Redis'
  await pause(500)
  return (await reader.getOrSet('k', () => ({ ...NEW }))).v === 'new' ? undefined : 'served from memory after its end'
}

async function mutationStaysOutside({ cache, other }) {
  await cache.getOrSet('k', () => ({ list: [1], inner: { v: 'old' } }))
  for (const reader of [cache, other]) {
    for (let i = 0; i < 2; i++) {
      const value = await reader.getOrSet('k', () => ({}))
      if (value.inner.v !== 'old' || value.list.length !== 1) return 'the change is seen by the next reader'
      try {
        value.inner.v = 'changed'
        value.list.push(2)
      } catch {
        // Refused, which is as good.
      }
    }
  }
  return undefined
}

async function failingLoadIsShared({ cache }) {
  let loads = 0
  const failure = new Error('the database is away')
  const load = async () => {
    loads++
    await pause(30)
    throw failure
  }
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => cache.getOrSet('k', load)))
  if (loads !== 1) return `${loads} calls`
  if (outcomes.some(({ status }) => status === 'fulfilled')) return 'callers are told nothing'
  return outcomes.every(({ reason }) => reason === failure) ? undefined : `callers get ${outcomes[0].reason?.constructor?.name} instead`
}

async function tagHoldsUnderSkew({ name, url, namespace, cache, other }) {
  // A thread has its own Date.
  const worker = new Worker(new URL('skewed-writer.mjs', import.meta.url), { workerData: { name, url, namespace, skewMs: 5000 } })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await worker.terminate()
  if ((await other.getOrSet('k', () => ({ ...NEW }))).v !== 'old') return 'the entry of the other host was not found'
  await cache.invalidateTag('t')
  await pause(SETTLE_MS)
  for (const reader of [cache, other]) if ((await reader.getOrSet('k', () => ({ ...NEW }))).v !== 'new') return 'the entry outlives its tag'
  return undefined
}

/** The names in Redis of the entries whose keys contain `part`. */
const namesOf = (client, part) => client.keys(`*${part}*`)

async function foreignDeleteIsSeen({ cache, client, namespace }) {
  const key = `foreign-${namespace}`
  await cache.getOrSet(key, () => ({ ...OLD }))
  await pause(SETTLE_MS)
  if ((await cache.getOrSet(key, () => ({ ...NEW }))).v !== 'old') return 'the entry was not stored'
  const names = await namesOf(client, key)
  if (names.length === 0) return 'the entry is not in Redis'
  await client.del(names)
  await pause(SETTLE_MS)
  return (await cache.getOrSet(key, () => ({ ...NEW }))).v === 'new' ? undefined : 'memory goes on with the old value'
}

async function corruptPayloadIsMiss({ cache, open, client, namespace }) {
  const key = `corrupt-${namespace}`
  for (const garbage of [Buffer.from('{"v":'), Buffer.from([0xc1, 0xff, 0, 7]), Buffer.from('?')]) {
    await cache.set(key, OLD)
    const names = await namesOf(client, key)
    if (names.length === 0) return 'the entry is not in Redis'
    for (const name of names) await client.set(name, garbage, 'KEEPTTL')
    const fresh = await open()
    try {
      const found = await fresh.getOrSet(key, () => ({ ...NEW }))
      if (found?.v !== 'new') return `${JSON.stringify(garbage.toString('latin1'))} is read as ${JSON.stringify(found)}`
    } catch (error) {
      return `${JSON.stringify(garbage.toString('latin1'))} throws ${error.constructor.name}`
    }
    await pause(SETTLE_MS)
  }
  return undefined
}

async function oddKeysWork({ cache, other }) {
  const keys = ['__proto__', 'constructor', 'toString', 'ключ 🔑', 'with space', 'a*b?[c]', 'colon::colon', 'comma,comma']
  for (const key of keys) await cache.set(key, { key })
  for (const reader of [cache, other]) {
    for (const key of keys) if ((await reader.get(key))?.key !== key) return `${key} is not found`
  }
  for (const key of keys) await cache.delete(key)
  await pause(SETTLE_MS)
  for (const reader of [cache, other]) {
    for (const key of keys) if ((await reader.get(key))?.key === key) return `${key} is still there after its delete`
  }
  return undefined
}

async function clearReachesOthers({ cache, other }) {
  await cache.set('k', OLD)
  await pause(SETTLE_MS)
  await other.getOrSet('k', () => ({ ...OLD }))
  await cache.clear()
  await pause(SETTLE_MS)
  return (await other.getOrSet('k', () => ({ ...NEW }))).v === 'new' ? undefined : 'the other goes on with the old value'
}

async function clearSparesOthers({ cache, open, client, namespace }) {
  // Names that a careless pattern would take with it.
  const neighbours = [`${namespace}-2`, `${namespace}x`]
  const theirs = await Promise.all(neighbours.map(name => open({ namespace: name })))
  for (const neighbour of theirs) await neighbour.set('k', OLD)
  await client.set(`foreign:${namespace}`, 'kept')
  await cache.set('k', OLD)
  await cache.clear()
  await pause(SETTLE_MS)
  if ((await client.get(`foreign:${namespace}`)) !== 'kept') return "another program's key is gone"
  for (const name of neighbours) {
    const fresh = await open({ namespace: name })
    if ((await fresh.get('k'))?.v !== 'old') return `the entry of namespace ${name} is gone`
  }
  return undefined
}
