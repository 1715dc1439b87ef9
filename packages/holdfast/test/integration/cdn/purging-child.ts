// A service that changes rows and invalidates their tags until it is killed. Forked by durability.test.ts, which says when.

import pg from 'pg'
import { cloudflare } from '../../../src/cdn/index.ts'
import { holdfast } from '../../../src/runtime/index.ts'

process.on('unhandledRejection', reason => {
  throw reason
})
process.once('disconnect', () => process.exit())
const { databaseUrl, apiUrl, namespace, run } = JSON.parse(process.argv[2]!)
const hf = await holdfast({
  pg: new pg.Pool({ connectionString: databaseUrl, max: 4 }),
  cache: { namespace },
  cdn: {
    providers: [cloudflare({ zone: 'z1', token: 'cf-token', api: apiUrl, plan: 'enterprise' })],
    collectFor: '100ms',
    secondPurgeAfter: '100ms',
  },
})
process.send!('ready')

let next = 0
const work = async (): Promise<never> => {
  for (;;) {
    const i = next++
    const tag = `${run}:${i}`
    await hf.pg
      .transaction(async tx => {
        await tx.query('insert into changed (tag) values ($1)', [tag])
        tx.invalidate(tag)
        if (i % 5 === 4) throw new Error('changed my mind')
      })
      .catch(() => undefined)
    // What this process was told is done must survive it too.
    if (i % 3 === 0 && (await hf.cache.invalidateTags(`by-hand:${tag}`))) process.send!({ acknowledged: `by-hand:${tag}` })
  }
}
await Promise.all([work(), work(), work()])
