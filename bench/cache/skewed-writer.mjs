// A host whose clock is wrong: writes one tagged entry and says so. Started by traps.mjs as a thread.
import { parentPort, workerData } from 'node:worker_threads'

const { name, url, namespace, skewMs } = workerData
const now = Date.now
Date.now = () => now() + skewMs

// Loaded after the clock was put wrong, for those that keep a reference to it.
const { openContender } = await import('./contenders.mjs')
const cache = await openContender(name, { url, namespace, tags: true })
await cache.set('k', { v: 'old' }, cache.options({ tags: ['t'] }))
parentPort.postMessage('written')
