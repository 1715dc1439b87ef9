import { expect, it } from 'vitest'
import { BatchReader } from '../../src/cache/redis/batch-reader.ts'
import type { RedisLink } from '../../src/cache/redis/link.ts'

/** Asks two keys of a link that answers MGET with `reply`. What a Redis never does, something between may: lose bytes of a connection that lives on. */
function readTwo(reply: unknown): Promise<unknown[]> {
  const link = { send: async () => reply } as unknown as RedisLink
  const reader = new BatchReader(link)
  const ask = (key: string) =>
    new Promise<unknown>(resolve => reader.ask(key, { onBytes: resolve, onFault: error => resolve((error as Error).message) }))
  return Promise.all([ask('a'), ask('b')])
}

it('gives each reader its value', async () => {
  expect(await readTwo([Buffer.from('1'), null])).toEqual([Buffer.from('1'), null])
})

it.each([[null], ['PONG'], [[Buffer.from('1')]], [7]])('fails all readers of a batch that was answered with %j', async reply => {
  const told = 'MGET was not answered with its values'
  expect(await readTwo(reply)).toEqual([told, told])
})
