// A process that archives. Forked by tests, which say what, and kill it.

import { inspect } from 'node:util'
import pg from 'pg'
import { type ArchiveOptions, createArchive } from '../../../../src/postgres/archive/index.ts'

const { databaseUrl, isScheduled, ...options } = JSON.parse(process.argv[2]!) as Omit<ArchiveOptions, 'connect'> & {
  databaseUrl: string
  isScheduled?: boolean
}
const say = (fields: object, message: string): void => void process.stderr.write(`${message} ${inspect(fields)}\n`)
const archive = createArchive({
  ...options,
  connect: async () => {
    const client = new pg.Client({ connectionString: databaseUrl })
    client.on('error', () => undefined)
    await client.connect()
    return client
  },
  logger: { debug: () => undefined, info: () => undefined, warn: say, error: say },
  onProgress: ({ rowCount }) => process.send!({ rowCount }),
})
// Keeps the process alive, as a server's socket would, and no longer than its parent.
process.on('disconnect', () => process.exit(0))
if (isScheduled) await archive.start()
else {
  const report = await archive.run(options.policies[0]!.name)
  process.send!({ report }, () => process.exit(0))
}
