// How many requests a second can the generator send while it keeps to its intended times (drift p99 within 2.5 ms)? Against a server that does nothing, in
// another thread, on the same processors. Beside it, the limit: the same HTTP client in a closed loop, which need not be on time, with the server in the same place.
import { Worker } from 'node:worker_threads'
import { measureMaxRate } from '@holdfast/load'
import { Client } from 'undici'
import { bench } from '../harness.mjs'

const CONNECTIONS = 50
const SECONDS = 2

async function withNullServer(work) {
  const server = new Worker(new URL('../../packages/load/dist/null-server-thread.js', import.meta.url))
  try {
    return await work(await new Promise(resolve => server.once('message', resolve)))
  } finally {
    await server.terminate()
  }
}

/** Requests a second that undici alone gets through. */
function closedLoop(url) {
  const clients = Array.from({ length: CONNECTIONS }, () => new Client(url))
  const startMs = performance.now()
  return new Promise((resolve, reject) => {
    let doneCount = 0
    const send = client => {
      if (performance.now() - startMs < 1000 * SECONDS) client.dispatch({ path: '/', method: 'GET' }, handlerOf(client))
      else resolve(Promise.all(clients.map(each => each.destroy())).then(() => doneCount / SECONDS))
    }
    const handlerOf = client => ({
      onRequestStart: () => {},
      onResponseStart: () => {},
      onResponseData: () => {},
      onResponseEnd: () => {
        doneCount++
        send(client)
      },
      onResponseError: (_, error) => (performance.now() - startMs < 1000 * SECONDS ? reject(error) : undefined),
    })
    for (const client of clients) send(client)
  })
}

await bench({
  url: import.meta.url,
  unit: 'requests per second',
  baseline: 'undici, closed loop (limit)',
  candidates: {
    'undici, closed loop (limit)': { check: () => {}, run: () => withNullServer(closedLoop) },
    'holdfast, open loop and on time': {
      check: () => {},
      run: async () => {
        const { maxPerSec } = await measureMaxRate({ stepSeconds: SECONDS, attempts: 3 })
        if (maxPerSec === 0) throw new Error('not one rate was valid')
        return maxPerSec
      },
    },
  },
})
