// A service that changes a fund and dies. Forked by crash.test.ts, which says where and how.

import pg from 'pg'
import { holdfast } from '../../../src/runtime/index.ts'

process.on('unhandledRejection', reason => {
  throw reason
})
const { databaseUrl, redisUrl, namespace, diesBeforeRedis } = JSON.parse(process.argv[2]!)
const hf = await holdfast({ pg: new pg.Pool({ connectionString: databaseUrl }), redis: redisUrl, cache: { namespace } })

process.once('disconnect', () => process.exit())
process.on('message', async () => {
  if (diesBeforeRedis) {
    // COMMIT was answered, and this is the first that anybody hears of it.
    hf.cache.invalidateTags = () => {
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => undefined)
    }
  }
  await hf.pg.transaction(async tx => {
    await tx.query('update fund set units = units + 1')
    tx.invalidate('funds')
  })
  process.send!({ done: hf.cache.stats().journaled })
})
process.send!('ready')
