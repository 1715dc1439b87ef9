// A process that keeps a view fresh. Forked by tests.

import pg from 'pg'
import { createViews } from '../../../../src/postgres/views/index.ts'

const { databaseUrl, views, isScheduled } = JSON.parse(process.argv[2]!)
const kept = createViews({
  views,
  connect: async () => {
    const client = new pg.Client({ connectionString: databaseUrl })
    client.on('error', () => undefined)
    await client.connect()
    return client
  },
  onProgress: line => process.send!({ line }),
})
// Keeps the process alive, as a server's socket would, and no longer than its parent.
process.on('disconnect', () => process.exit(0))
if (isScheduled) await kept.start()
else {
  process.on('message', async () => {
    const outcome = await kept.refresh(views[0].view).then(
      report => ({ report }),
      error => ({ code: error.code }),
    )
    process.send!(outcome)
  })
}
process.send!('ready')
