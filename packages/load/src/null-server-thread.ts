import { parentPort } from 'node:worker_threads'
import { createNullServer, listenLocally } from './null-server.ts'

// A thread of its own, so that it does not share the generator's: tells its origin and serves until it is terminated.
parentPort?.postMessage(await listenLocally(createNullServer()))
