// One process of the model's fleet: carries out its share of each history and reports what happened.

import { createTieredCache } from '../../../../src/cache/index.ts'
import type { LoadContext } from '../../../../src/cache/load-context.ts'
import { createRegistry } from '../../../../src/telemetry/index.ts'
import { type Dated, type Happening, machineMs } from './events.ts'
import { ms, type Step, scriptOf } from './script.ts'

/** What a child is told: histories `fromSeed` and following, beside each other, from `startMs` on. */
export interface ModelTask {
  readonly index: number
  readonly processes: number
  readonly fromSeed: number
  readonly count: number
  readonly startMs: number
}

/** What a child tells. */
export interface ModelReport {
  readonly happenings: readonly Happening[]
  readonly isDone: boolean
}

const FLUSH_MS = 100
const STALL_MS = 15
const TICK_MS = 5

const { url, options } = JSON.parse(process.argv[2]!)
const cache = createTieredCache({ jitter: 0, earlyRefresh: 100, ...options }, { redis: url, registry: createRegistry() })
let happenings: Happening[] = []
let made = 0

process.on('unhandledRejection', reason => {
  throw reason
})

const wait = (forMs: number): Promise<void> => new Promise(resolve => setTimeout(resolve, forMs))
const newId = (): string => `${process.pid}:${made++}`
const note = (happening: Happening): void => void happenings.push(happening)

function loaderFor(step: Step): (key: string, ctx: Pick<LoadContext, 'setTags'>) => Promise<Dated> {
  return async (key, ctx) => {
    const value: Dated = { key, id: newId(), atMs: machineMs(), tags: [...step.tags, ...step.lateTags], isWrite: false }
    if (step.loadMs > 0) await wait(step.loadMs)
    if (step.lateTags.length > 0) ctx.setTags(...step.lateTags)
    note({ what: 'made', id: value.id, endMs: machineMs(), lifeMs: step.ttlMs + step.graceMs })
    return value
  }
}

async function read(step: Step): Promise<void> {
  const load = loaderFor(step)
  const { ttlMs, graceMs, softTimeoutMs, tags, keys } = step
  const call = { ttl: ms(ttlMs), grace: ms(graceMs), softTimeout: ms(softTimeoutMs), tags }
  const startMs = machineMs()
  const key = keys[0]!
  if (step.op === 'getOrSet') {
    note({ what: 'read', key, startMs, value: await cache.getOrSet(key, ctx => load(key, ctx), call), mustExist: true })
  } else if (step.op === 'get') {
    note({ what: 'read', key, startMs, value: await cache.get<Dated>(key), mustExist: false })
  } else {
    const found =
      step.op === 'getMany'
        ? await cache.getMany<Dated>(keys)
        : await cache.getOrSetMany<Dated>(
            keys,
            (asked, ctx) => Promise.all(asked.map(async one => [one, await load(one, { setTags: (...late) => ctx.setTags(one, ...late) })] as const)),
            call,
          )
    for (const one of keys) note({ what: 'read', key: one, startMs, value: found.get(one), mustExist: step.op === 'getOrSetMany' })
  }
}

async function write(step: Step): Promise<void> {
  const { keys, tags, ttlMs, graceMs } = step
  const startMs = machineMs()
  const entries = keys.map(key => [key, { key, id: newId(), atMs: startMs, tags, isWrite: true } satisfies Dated] as const)
  const options = { ttl: ms(ttlMs), grace: ms(graceMs), tags }
  if (step.op === 'setMany') await cache.setMany(entries, options)
  else if (step.op === 'set') await cache.set(entries[0]![0], entries[0]![1], options)
  else await cache.set(keys[0]!, undefined)
  const endMs = machineMs()
  for (const [key, { id }] of entries) {
    note({ what: 'made', id, endMs, lifeMs: ttlMs + graceMs })
    note({ what: 'forgotten', scope: 'key', name: key, startMs, endMs })
  }
}

async function forget(step: Step): Promise<void> {
  const startMs = machineMs()
  if (step.op === 'delete') await cache.delete(step.keys[0]!)
  else if (step.op === 'clear') await cache.clear()
  else if (step.tags.length > 0) await cache.invalidateTags(...step.tags)
  const endMs = machineMs()
  if (step.op === 'delete') note({ what: 'forgotten', scope: 'key', name: step.keys[0]!, startMs, endMs })
  else if (step.op === 'clear') note({ what: 'forgotten', scope: 'all', name: '', startMs, endMs })
  else for (const name of step.tags) note({ what: 'forgotten', scope: 'tag', name, startMs, endMs })
}

let lookedAtMs = machineMs()
let spell: Extract<Happening, { what: 'away' }> | undefined

/** At each tick and at the end of each call, so that no call ends unseen in a time without Redis. */
function lookAtRedis(): void {
  const { redis, journaled } = cache.stats()
  const nowMs = machineMs()
  if (redis === 'usable' && journaled === 0) spell = undefined
  else if (spell !== undefined && happenings.includes(spell)) spell.toMs = nowMs
  else {
    spell = { what: 'away', fromMs: lookedAtMs, toMs: nowMs }
    note(spell)
  }
  lookedAtMs = nowMs
}

/** What needs no moment to be judged by: null is kept, undefined is not, an error comes out as it is. */
async function loadOddly(step: Step): Promise<void> {
  const key = `${step.keys[0]}.${step.op}`
  if (step.op === 'loadNull') {
    const seen = [await cache.getOrSet(key, () => null), await cache.get(key)]
    if (seen[0] !== null || (seen[1] ?? null) !== null) note({ what: 'failed', why: `${key}: null came back as ${JSON.stringify(seen)}` })
  } else if (step.op === 'loadUndefined') {
    const seen = [await cache.getOrSet(key, () => undefined), await cache.get(key)]
    if (seen.some(one => one !== undefined)) note({ what: 'failed', why: `${key}: undefined came back as ${JSON.stringify(seen)}` })
  } else {
    const mine = new RangeError('mine')
    const caught = await cache.getOrSet(key, () => Promise.reject(mine)).catch(error => error)
    if (!(caught instanceof RangeError)) note({ what: 'failed', why: `${key}: the loader's error came back as ${caught}` })
  }
}

async function count(step: Step): Promise<void> {
  const key = `${step.keys[0]}.count`
  try {
    note({ what: 'counted', key, count: await cache.increment(key, { ttl: '10m' }) })
  } catch (error) {
    if ((error as { code?: string }).code !== 'HF_CACHE_REDIS_AWAY') throw error
  }
}

async function perform(step: Step): Promise<void> {
  try {
    if (step.op.startsWith('get')) await read(step)
    else if (step.op.startsWith('set')) await write(step)
    else if (step.op.startsWith('load')) await loadOddly(step)
    else if (step.op === 'increment') await count(step)
    else await forget(step)
  } catch (error) {
    note({ what: 'failed', why: `${step.op} ${step.keys}: ${error}` })
  }
  lookAtRedis()
}

function report(isDone: boolean): void {
  const sent = happenings
  happenings = []
  if (process.connected) process.send!({ happenings: sent, isDone } satisfies ModelReport)
}

async function run(task: ModelTask): Promise<void> {
  const steps: Step[] = []
  for (let i = 0; i < task.count; i++) {
    for (const step of scriptOf(task.fromSeed + i, task.processes)) if (step.process === task.index) steps.push(step)
  }
  steps.sort((a, b) => a.atMs - b.atMs)
  await wait(Math.max(0, task.startMs - machineMs()))
  const working = new Set<Promise<void>>()
  let atMs = 0
  for (const step of steps) {
    // Who is late stays late: steps done all at once to catch up would never follow on one another.
    if (step.atMs > atMs) await wait(step.atMs - atMs)
    atMs = step.atMs
    const work = perform(step).finally(() => working.delete(work))
    working.add(work)
  }
  await Promise.all(working)
}

setInterval(() => report(false), FLUSH_MS)
let tickedAtMs = machineMs()
setInterval(() => {
  const nowMs = machineMs()
  lookAtRedis()
  if (nowMs - tickedAtMs > STALL_MS) note({ what: 'stalled', fromMs: tickedAtMs, toMs: nowMs })
  tickedAtMs = nowMs
}, TICK_MS)

// A test that failed, or was killed, stops nobody.
process.once('disconnect', () => process.exit())
process.on('message', (message: ModelTask | 'stop') => {
  if (message === 'stop') void cache.stop().then(() => process.exit())
  else void run(message).then(() => report(true))
})
await cache.start()
report(true)
