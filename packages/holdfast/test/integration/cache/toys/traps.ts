import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bundleChild } from '../../bundle-child.ts'
import { gate, newNamespace, pause, until } from '../harness.ts'
import { startTcpProxy } from '../tcp-proxy.ts'
import type { MakeSubject, Subject } from './subject.ts'

/** A Redis of the run's own, which may be frozen and flushed. */
export interface TrapRedis {
  readonly url: string
  readonly pid: number
}

/** Tries to catch a cache out. Returns what it did wrong, or nothing. `kind` is for traps that need processes of their own. */
export type Trap = (make: MakeSubject, redis: TrapRedis, kind: 'toy' | 'holdfast') => Promise<string[]>

/** How long a change may go unheard in a fault. */
const FAULT_BOUND_MS = 1500
/** One delivery of a message, with room for a busy machine. */
const DELIVERY_MS = 60

async function withSubjects<T>(makes: readonly Promise<Subject>[], work: (...subjects: Subject[]) => Promise<T>): Promise<T> {
  const subjects = await Promise.all(makes)
  try {
    return await work(...subjects)
  } finally {
    await Promise.all(subjects.map(subject => subject.stop()))
  }
}

/** A load that began before a change ends after it. */
export const lateLoad: Trap = async (make, redis) => {
  const namespace = newNamespace()
  const site = { url: redis.url, namespace }
  return withSubjects([make(site), make(site)], async (a, b) => {
    const problems: string[] = []
    for (const change of ['a delete', 'a delete elsewhere', 'a tag'] as const) {
      const loading = gate<string>()
      let hasBegun = false
      const load = (): Promise<string> => {
        hasBegun = true
        return loading.promise
      }
      const reading = a!.getOrSet(change, load, { tags: ['t'] })
      await until(() => hasBegun)
      if (change === 'a tag') await b!.invalidateTag('t')
      else await (change === 'a delete' ? a : b)!.delete(change)
      await pause(DELIVERY_MS)
      loading.open('old')
      await reading
      await pause(DELIVERY_MS)
      for (const one of [a, b]) {
        if ((await one!.getOrSet(change, () => 'new', { tags: ['t'] })) === 'old') problems.push(`the old value came back after ${change}`)
      }
    }
    return problems
  })
}

/** Four processes, a thousand callers each, one missing key; then the one that loads is killed. */
export const stampede: Trap = async (_, redis, kind) => {
  const site = { url: redis.url, namespace: newNamespace() }
  const file = await bundleChild(new URL('child.ts', import.meta.url))
  const children = Array.from({ length: 4 }, () => fork(file, [JSON.stringify({ kind, site })], { execArgv: [] }))
  const loads = new Map<number, number>()
  const finished = (child: (typeof children)[number]): Promise<void> =>
    new Promise((resolve, reject) => {
      const onMessage = (message: { loads: number; done?: boolean }): void => {
        loads.set(child.pid!, message.loads)
        if (message.done) end(resolve)
      }
      const onExit = (): void => end(() => reject(new Error('the process is gone')))
      const end = (settle: () => void): void => {
        child.off('message', onMessage).off('exit', onExit)
        settle()
      }
      child.on('message', onMessage).on('exit', onExit)
    })
  await Promise.all(children.map(finished))
  const ask = (who: readonly (typeof children)[number][], key: string, callers: number, loadMs: number): Promise<void>[] =>
    who.map(child => {
      const end = finished(child)
      child.send({ key, callers, loadMs })
      return end
    })
  const problems: string[] = []
  try {
    await Promise.all(ask(children, 'once', 1000, 200))
    const count = [...loads.values()].reduce((sum, n) => sum + n)
    if (count !== 1) problems.push(`${count} loads for one key`)
    const [holder, waiter] = children as [(typeof children)[number], (typeof children)[number]]
    const before = loads.get(holder.pid!)!
    const lost = ask([holder], 'lost', 1, 60_000)[0]!.catch(() => undefined)
    await until(() => loads.get(holder.pid!)! > before)
    const waiting = ask([waiter], 'lost', 100, 0)[0]!
    holder.kill('SIGKILL')
    await lost
    const startedAtMs = performance.now()
    await waiting
    if (performance.now() - startedAtMs > 5000) problems.push('nobody took over from a process that died')
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  return problems
}

/** The invalidation channel stays open and says nothing. */
export const silentChannel: Trap = async (make, redis) => {
  const proxy = await startTcpProxy(redis.url)
  const namespace = newNamespace()
  const problems = await withSubjects([make({ url: redis.url, namespace }), make({ url: proxy.url, namespace })], async (a, b) => {
    await readUntilKept(b!, 'k', 'old')
    proxy.swallow('invalidation', true)
    await a!.delete('k')
    return staleAfter(FAULT_BOUND_MS, () => b!.getOrSet('k', () => 'new'))
  })
  await proxy.close()
  return problems
}

/** Either connection is lost and comes back; a key holds a comma. */
export const reconnect: Trap = async (make, redis) => {
  const tryRoute = async (route: 'data' | 'invalidation'): Promise<string[]> => {
    const proxy = await startTcpProxy(redis.url)
    const namespace = newNamespace()
    const found = await withSubjects([make({ url: redis.url, namespace }), make({ url: proxy.url, namespace })], async (a, b) => {
      await readUntilKept(b!, 'k,1', 'old')
      proxy.cut(route)
      await pause(500)
      await a!.delete('k,1')
      return staleAfter(FAULT_BOUND_MS, () => b!.getOrSet('k,1', () => 'new'))
    })
    await proxy.close()
    return found.map(problem => `${problem} after the ${route} connection was cut`)
  }
  return (await Promise.all([tryRoute('data'), tryRoute('invalidation')])).flat()
}

/** Redis stops, with its sockets open, and nothing was configured for that. */
export const frozen: Trap = (make, redis) =>
  withSubjects([make({ url: redis.url, namespace: newNamespace() })], async a => {
    await a!.getOrSet('k', () => 1)
    process.kill(redis.pid, 'SIGSTOP')
    try {
      const startedAtMs = performance.now()
      await Promise.all(Array.from({ length: 10 }, (_, i) => a!.getOrSet(`cold${i}`, () => i)))
      const tookMs = performance.now() - startedAtMs
      return tookMs > 1000 ? [`reads took ${tookMs.toFixed()} ms`] : []
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
  })

/** A delete during a partition, which then heals. */
export const deleteInPartition: Trap = async (make, redis) => {
  const proxy = await startTcpProxy(redis.url)
  const namespace = newNamespace()
  const problems = await withSubjects([make({ url: proxy.url, namespace }), make({ url: redis.url, namespace })], async (a, b) => {
    await readUntilKept(b!, 'k', 'old')
    proxy.partition(true)
    await pause(100)
    await a!.delete('k')
    proxy.partition(false)
    return staleAfter(FAULT_BOUND_MS + 1000, () => b!.getOrSet('k', () => 'new'))
  })
  await proxy.close()
  return problems
}

/** The host that loads is 5 s ahead of the host that invalidates. */
export const skewedClock: Trap = async (make, redis) => {
  const site = { url: redis.url, namespace: newNamespace() }
  return withSubjects([make({ ...site, skewMs: 5000 }), make(site)], async (ahead, b) => {
    await ahead!.getOrSet('k', () => 'old', { tags: ['t'] })
    await b!.invalidateTag('t')
    return staleAfter(DELIVERY_MS, () => b!.getOrSet('k', () => 'new', { tags: ['t'] }))
  })
}

/** What comes out of memory is what went in, for as long as was asked, whatever its readers do to it. */
export const faithfulMemory: Trap = async (make, redis) => {
  const site = { url: redis.url, namespace: newNamespace() }
  return withSubjects([make(site), make(site)], async (a, b) => {
    const problems: string[] = []
    await a!.getOrSet('short', () => 'old', { ttlMs: 300 })
    await pause(200)
    await b!.getOrSet('short', () => 'new', { ttlMs: 300 })
    await pause(150)
    if ((await b!.getOrSet('short', () => 'new', { ttlMs: 300 })) === 'old') problems.push('memory outlived the entry')
    const list = await a!.getOrSet<string[]>('list', () => ['a'])
    try {
      list.push('mine')
    } catch {
      // Frozen: as good as a copy.
    }
    if ((await a!.getOrSet<string[]>('list', () => [])).length !== 1) problems.push('a reader changed what others read')
    const rich = { at: new Date(5), ids: new Set([1]), big: 2n ** 70n }
    const seen = await a!
      .getOrSet('rich', () => rich)
      .then(
        () => b!.getOrSet('rich', () => rich),
        error => String(error),
      )
    if (!(typeof seen === 'object' && seen.at instanceof Date && seen.ids instanceof Set && seen.big === rich.big)) problems.push('types were lost')
    return problems
  })
}

/** A hit beside an async look into a Map, in CPU time, interleaved. */
export const cheapHit: Trap = async (make, redis) => {
  const map = new Map([['k', 1]])
  const bare = async (key: string): Promise<number> => map.get(key)!
  return withSubjects([make({ url: redis.url, namespace: newNamespace() })], async a => {
    const load = (): number => 1
    await readUntilKept(a!, 'k', 1)
    const cpuOf = async (read: () => Promise<unknown>): Promise<number> => {
      const before = process.cpuUsage()
      for (let i = 0; i < 4000; i++) await read()
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    const ratios: number[] = []
    for (let round = 0; round < 15; round++) {
      const plain = await cpuOf(() => bare('k'))
      ratios.push((await cpuOf(() => a!.getOrSet('k', load))) / Math.max(1, plain))
    }
    const ratio = ratios.sort((x, y) => x - y)[7]!
    return ratio > 8 ? [`a hit costs ${ratio.toFixed(1)} times a look into a Map`] : []
  })
}

/** Many more keys than entries; then a cold start with Redis frozen. */
export const bounded: Trap = (make, redis) =>
  withSubjects([make({ url: redis.url, namespace: newNamespace(), maxEntries: 1000 })], async a => {
    const problems: string[] = []
    process.kill(redis.pid, 'SIGSTOP')
    try {
      let running = 0
      let most = 0
      const load = async (): Promise<number> => {
        most = Math.max(most, ++running)
        await pause(2)
        running--
        return 1
      }
      await Promise.all(Array.from({ length: 500 }, (_, i) => a!.getOrSet(`cold${i}`, load)))
      if (most > 100) problems.push(`${most} loads at once while Redis was frozen`)
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc') as () => void
      const fill = async (from: number, count: number): Promise<number> => {
        for (let i = from; i < from + count; i += 500) {
          await Promise.all(Array.from({ length: 500 }, (_, n) => a!.getOrSet(`key number ${i + n}`, () => n)))
        }
        collect()
        return process.memoryUsage().heapUsed
      }
      const before = await fill(0, 3000)
      const grown = (await fill(3000, 15_000)) - before
      if (grown > 1_500_000) problems.push(`${(grown / 1e6).toFixed(1)} MB more after 15,000 keys`)
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
    return problems
  })

/** Reads until the value is likely to be kept in memory: the news of the fill itself has come by then. */
async function readUntilKept(subject: Subject, key: string, value: unknown): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await subject.getOrSet(key, () => value)
    await pause(DELIVERY_MS)
  }
}

async function staleAfter(boundMs: number, read: () => Promise<string>): Promise<string[]> {
  await pause(boundMs)
  return (await read()) === 'old' ? [`stale ${boundMs} ms after the change`] : []
}
