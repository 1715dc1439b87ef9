// One process with one cache, a toy or the real one; told by its parent what to read. For the trap of single flight.

import { makeHoldfast } from './subject.ts'
import { promiseMap } from './toys.ts'

process.on('unhandledRejection', reason => {
  throw reason
})
const { kind, site } = JSON.parse(process.argv[2]!)
const subject = await (kind === 'toy' ? promiseMap : makeHoldfast)(site)
let loads = 0

process.on('message', async ({ key, callers, loadMs }: { key: string; callers: number; loadMs: number }) => {
  const load = async (): Promise<string> => {
    loads++
    process.send!({ loads })
    await new Promise(resolve => setTimeout(resolve, loadMs))
    return 'value'
  }
  await Promise.all(Array.from({ length: callers }, () => subject.getOrSet(key, load)))
  process.send!({ done: true, loads })
})
process.send!({ done: true, loads })
