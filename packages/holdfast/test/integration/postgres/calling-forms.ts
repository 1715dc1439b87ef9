import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'

/** One way to call the driver, and everything that the caller can see of the outcome. */
export interface CallingForm {
  readonly name: string
  /** Statements that an observer must count, the checkout's own excluded. */
  readonly statementCount: number
  run(pool: pg.Pool): Promise<unknown>
}

const form = (name: string, statementCount: number, run: (pool: pg.Pool) => Promise<unknown>): CallingForm => ({ name, statementCount, run })

/** Runs `use` with one client and gives it back. */
async function onClient<T>(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await use(client)
  } finally {
    client.release()
  }
}

function seen(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(seen)
  if (typeof result !== 'object' || result === null) return result
  const { command, rowCount, oid, rows, fields } = result as pg.QueryResult
  return { type: result.constructor.name, command, rowCount, oid, rows, fields }
}

/** What a caller can tell errors apart by; the stack's frames inside the driver are nobody's business. */
function seenError(error: unknown): unknown {
  const { name, message, code, severity, position, constructor: type } = error as pg.DatabaseError
  return { type: type.name, name, message, code, severity, position, hasStack: typeof (error as Error).stack === 'string' }
}

const failure = (work: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(work)
    .then(() => 'did not fail', seenError)

const thrown = (work: () => unknown): unknown => {
  try {
    work()
    return 'did not throw'
  } catch (error) {
    return seenError(error)
  }
}

const called = (run: (done: (...args: unknown[]) => void) => unknown): Promise<unknown> =>
  new Promise(resolve => {
    const returned = run((error, result) =>
      resolve({ error: error ? seenError(error) : error, result: seen(result), returned: returned === undefined }),
    )
  })

/** `any` in the types of `pg` refuses what JavaScript callers do. */
const loose = (client: unknown): { query(...args: unknown[]): unknown; connect(...args: unknown[]): unknown } => client as never

export const callingForms: readonly CallingForm[] = [
  form('pool: text', 1, async pool => seen(await pool.query('select 1 as one'))),
  form('pool: text and values', 1, async pool => seen(await pool.query('select $1::int + 1 as n, $2 as t', [41, 'x']))),
  form('pool: text, undefined values', 1, async pool => seen(await loose(pool).query('select 1 as one', undefined))),
  form('pool: config', 1, async pool => seen(await pool.query({ text: 'select $1::text as t', values: ['x'] }))),
  form('pool: config and values', 1, async pool => seen(await loose(pool).query({ text: 'select $1::text as t' }, ['y']))),
  form('pool: rows as arrays', 1, async pool => seen(await pool.query({ text: 'select 1 as a, 2 as a', rowMode: 'array' }))),
  form('pool: own type parser', 1, async pool =>
    seen(await pool.query({ text: 'select 1::int8 as big', types: { getTypeParser: () => (text: string) => `<${text}>` } as never })),
  ),
  form('pool: callback', 1, pool => called(done => pool.query('select 1 as one', done))),
  form('pool: values and callback', 1, pool => called(done => pool.query('select $1::int as n', [5], done))),
  form('pool: config and callback', 1, pool => called(done => pool.query({ text: 'select 1 as one' }, done))),
  form('pool: error', 1, pool => failure(() => pool.query('select nonsense'))),
  form('pool: error to the callback', 1, pool => called(done => pool.query('select nonsense', done))),
  form('pool: function as text', 0, pool => failure(() => loose(pool).query(() => undefined))),
  form('pool: null', 0, pool => failure(() => loose(pool).query(null))),
  form('pool: cancelled by the server', 3, pool =>
    onClient(pool, async client => {
      await client.query("set statement_timeout = '20ms'")
      const error = await failure(() => client.query('select pg_sleep(10)'))
      return [error, seen(await loose(client).query('reset statement_timeout', [], undefined))]
    }),
  ),
  form('client: text', 1, pool => onClient(pool, async client => seen(await client.query('select 1 as one')))),
  form('client: callback returns nothing', 1, pool => onClient(pool, client => called(done => client.query('select 1 as one', done)))),
  form('client: callback in the config', 1, pool =>
    onClient(pool, client => called(done => loose(client).query({ text: 'select 1 as one', callback: done }))),
  ),
  form('client: named statement twice, then by name alone', 3, pool =>
    onClient(pool, async client => [
      seen(await client.query({ name: 'add', text: 'select $1::int + 1 as n', values: [1] })),
      seen(await client.query({ name: 'add', text: 'select $1::int + 1 as n', values: [2] })),
      seen(await loose(client).query({ name: 'add', values: [3] })),
    ]),
  ),
  form('client: one name for two texts', 3, pool =>
    onClient(pool, async client => [
      seen(await client.query({ name: 'twice', text: 'select 1 as a' })),
      await failure(() => client.query({ name: 'twice', text: 'select 2 as a' })),
      await client.query('deallocate all').then(() => 'ok'),
    ]),
  ),
  form('client: several statements in one text', 1, pool => onClient(pool, async client => seen(await client.query('select 1 as a; select 2 as b')))),
  form('client: empty text', 1, pool => onClient(pool, async client => seen(await client.query('')))),
  form('client: queued without waiting', 3, pool =>
    onClient(pool, async client => (await Promise.all([1, 2, 3].map(n => client.query('select $1::int as n', [n])))).map(seen)),
  ),
  form('client: error in a queue leaves the others alone', 3, pool =>
    onClient(pool, client =>
      Promise.all([failure(() => client.query('select nope')), client.query('select 1 as a').then(seen), failure(() => client.query('x'))]),
    ),
  ),
  form('client: null, text missing, values that are no list, callback that is no function', 1, pool =>
    onClient(pool, async client => [
      thrown(() => loose(client).query(null)),
      thrown(() => loose(client).query(undefined)),
      thrown(() => loose(client).query('select 1', [], 'no function')),
      await failure(() => loose(client).query({})),
      await failure(() => loose(client).query('select $1::int', 'no list')),
    ]),
  ),
  form('client: parameter that cannot be serialised', 1, pool =>
    onClient(pool, client => {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      return failure(() => client.query('select $1::jsonb', [circle])).then(error => ({ ...(error as object), message: 'circular' }))
    }),
  ),
  form('client: read time-out of the driver', 1, async pool => {
    const client = await pool.connect()
    const error = await failure(() => loose(client).query({ text: 'select pg_sleep(0.2)', query_timeout: 20 }))
    client.release(true)
    return error
  }),
  form('Query object with events', 1, pool =>
    onClient(pool, async client => {
      const query = client.query(new pg.Query('select n from generate_series(1, 3) n'))
      const rows: unknown[] = []
      query.on('row', row => rows.push(row))
      const [result] = await once(query, 'end')
      return { rows, kept: seen(result), isSame: query instanceof pg.Query, ownKeys: Object.keys(query).sort() }
    }),
  ),
  form('Query object with a callback', 1, pool =>
    onClient(pool, client => called(done => void client.query(new pg.Query('select 1 as one', done as never)))),
  ),
  form('Query object that fails', 1, pool =>
    onClient(pool, async client => {
      const query = client.query(new pg.Query('select nope'))
      const [error] = await once(query, 'error' as never).catch(e => [e])
      return seenError(error)
    }),
  ),
  form('cursor read in portions', 1, pool =>
    onClient(pool, async client => {
      const cursor = client.query(new Cursor('select n from generate_series(1, 5) n where n > $1', [0]))
      const portions = [await cursor.read(2), await cursor.read(2), await cursor.read(2), await cursor.read(2)]
      return { portions, keys: Object.keys(cursor).length }
    }),
  ),
  form('cursor closed early, connection used again', 2, pool =>
    onClient(pool, async client => {
      const cursor = client.query(new Cursor('select n from generate_series(1, 1000) n'))
      const first = await cursor.read(1)
      await cursor.close()
      return [first, seen(await client.query('select 1 as after'))]
    }),
  ),
  form('cursor that fails', 1, pool =>
    onClient(pool, client => failure(() => client.query(new Cursor('select 1 / (3 - n) as n from generate_series(1, 5) n')).read(10))),
  ),
  form('stream of rows', 1, pool =>
    onClient(pool, async client => {
      const rows: unknown[] = []
      for await (const row of client.query(new QueryStream('select n from generate_series(1, 250) n', [], { batchSize: 100 }))) rows.push(row)
      return rows
    }),
  ),
  form('COPY out and in', 4, pool =>
    onClient(pool, async client => {
      await client.query('create temp table copied (n int, t text)')
      await pipeline(Readable.from(['1\tone\n', '2\ttwo\n']), client.query(copyFrom('copy copied from stdin')))
      const chunks: string[] = []
      const sink = new Writable({
        write(chunk, _encoding, done) {
          chunks.push(String(chunk))
          done()
        },
      })
      await pipeline(client.query(copyTo('copy copied to stdout')), sink)
      await loose(client).query({ text: 'drop table copied', callback: undefined })
      return chunks.join('')
    }),
  ),
  form('LISTEN and NOTIFY', 3, pool =>
    onClient(pool, async client => {
      await client.query('listen news')
      const heard = once(client, 'notification')
      await client.query("notify news, 'hello'")
      const [{ channel, payload }] = (await heard) as [{ channel: string; payload: string }]
      await client.query('unlisten news')
      return { channel, payload }
    }),
  ),
  form('notices', 1, pool =>
    onClient(pool, async client => {
      const heard = once(client, 'notice')
      await client.query("do $$ begin raise notice 'mind the gap'; end $$")
      const [{ message }] = (await heard) as [{ message: string }]
      return message
    }),
  ),
  form('checkout by callback', 1, pool =>
    called(done =>
      pool.connect((error, client, release) => {
        if (error || client === undefined) return done(error)
        void client.query('select 1 as one', (failed: unknown, result: unknown) => {
          release()
          done(failed, result)
        })
      }),
    ),
  ),
  form('release twice', 0, async pool => {
    const client = await pool.connect()
    client.release()
    return thrown(() => client.release())
  }),
  form('types of what is handed out', 0, pool =>
    onClient(pool, async client => {
      // The pool and the client add these when they are used.
      const ownKeys = Object.keys(client).filter(key => !['_poolUseCount', 'hasExecuted', 'connectionTimeoutHandle'].includes(key))
      return { isClient: client instanceof pg.Client, isPool: pool instanceof pg.Pool, ownKeys: ownKeys.sort(), poolKeys: Object.keys(pool).sort() }
    }),
  ),
]
