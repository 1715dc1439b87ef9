// The claim: a thousand callers in each of four processes that miss the same key at once cause one load in all. The loader takes 50 ms.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { redisUrl, withRedis } from '../redis.mjs'
import { benchTable } from '../table.mjs'
import { openContender, PEERS } from './contenders.mjs'

const PROCESSES = 4
const CALLERS = 1000
const LOAD_MS = 50

/** One of the four: says when it is ready, and reads at the word. */
async function herd(name) {
  const cache = await openContender(name, { url: redisUrl() })
  await cache.getOrSet('warm', () => 'warm')
  let loads = 0
  const load = async () => {
    loads++
    await new Promise(resolve => setTimeout(resolve, LOAD_MS))
    return { from: process.pid }
  }
  process.once('message', async key => {
    const startedAt = performance.now()
    const values = await Promise.all(Array.from({ length: CALLERS }, () => cache.getOrSet(key, load)))
    process.send({ loads, values: [...new Set(values.map(value => value.from))], slowestMs: performance.now() - startedAt })
  })
  process.send('ready')
}

const heard = child => new Promise(resolve => child.once('message', resolve))

async function measure(name) {
  const children = Array.from({ length: PROCESSES }, () => fork(fileURLToPath(import.meta.url), [name]))
  try {
    await Promise.all(children.map(heard))
    const answers = children.map(heard)
    const key = `missing:${name}:${process.pid}`
    for (const child of children) child.send(key)
    const results = await Promise.all(answers)
    if (results.some(({ values }) => values.includes(undefined))) throw new Error('a caller went away without the value')
    return {
      loads: results.reduce((sum, { loads }) => sum + loads, 0),
      values: new Set(results.flatMap(({ values }) => values)).size,
      slowestMs: Math.max(...results.map(({ slowestMs }) => slowestMs)),
    }
  } finally {
    for (const child of children) child.kill()
  }
}

if (process.argv[2] !== undefined) await herd(process.argv[2])
else
  await withRedis(() =>
    benchTable({
      url: import.meta.url,
      about: `${CALLERS} callers in each of ${PROCESSES} processes, one missing key, a load takes ${LOAD_MS} ms`,
      columns: [
        { key: 'loads', title: 'loads', take: 'max' },
        { key: 'values', title: 'different values', take: 'max' },
        { key: 'slowestMs', title: 'slowest caller, ms' },
      ],
      candidates: Object.fromEntries(['holdfast', ...PEERS].map(name => [name, () => measure(name)])),
      claims: [{ candidate: 'holdfast', column: 'loads', atMost: 1, why: 'one load for all callers of all processes' }],
      rounds: 3,
    }),
  )
