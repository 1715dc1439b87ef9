import { type ClonedDatabase, fakeClock } from '@holdfast/testkit'
import DataLoader from 'dataloader'
import { createRequestScope, type Logger, runInRequestScope } from 'holdfast/core'
import { type HoldfastPg, type ObservePoolDeps, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { drizzleLeads } from './orm/drizzle-leads.ts'
import { kyselyLeads } from './orm/kysely-leads.ts'
import { leadsDatabase } from './orm/leads-database.ts'
import { prismaLeads } from './orm/prisma-leads.ts'

let database: ClonedDatabase
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  database = await leadsDatabase('repeats')
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => database.drop())

async function open(
  deps: Partial<ObservePoolDeps> = {},
  max = 4,
): Promise<{ pool: pg.Pool; watched: HoldfastPg<pg.Pool>; registry: ObservePoolDeps['registry'] }> {
  const pool = new pg.Pool({ connectionString: database.url, max })
  const registry = deps.registry ?? createRegistry()
  const watched = observePool(pool, { ...deps, registry })
  await watched.start()
  closers.push(
    () => pool.end(),
    () => watched.stop(),
  )
  return { pool, watched, registry }
}

/** One request of a route, as an adapter runs it: the route is known when it is answered. */
async function request<T>(route: string, work: () => Promise<T>): Promise<T> {
  const scope = createRequestScope()
  try {
    return await runInRequestScope(scope, work)
  } finally {
    scope.route = route
  }
}

const ids = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)
const BY_ID = 'select name from agent where id = $1'
const HERE = 'packages/holdfast/test/integration/postgres/repeats.test.ts'

describe('a statement sent again and again by one request', () => {
  it('is an N+1 pattern with its route, call site, counts and time, when its parameters differ', async () => {
    const { pool, watched } = await open()
    const loop = async (): Promise<void> => {
      for (const id of ids(12)) await pool.query(BY_ID, [id])
    }
    await request('GET /leads', loop)
    await request('GET /leads', loop)
    const [repeat, ...others] = watched.repeats()
    expect(others).toEqual([])
    expect(repeat).toMatchObject({
      ...{ rule: 'pg/n-plus-one', text: BY_ID, route: 'GET /leads', isWrite: false },
      ...{ requestCount: 2, callCount: 24, distinctCount: 24, mostCalls: 12 },
    })
    expect(repeat?.callSite).toMatch(new RegExp(`^${HERE}:\\d+:\\d+$`))
    const [statement] = watched.statements()
    expect(repeat?.repeatMs).toBeGreaterThan(0)
    expect(repeat?.repeatMs).toBeLessThan(statement!.totalMs)
  })

  it('is found with its call site on a checked-out client, in a transaction, and when all are sent at once', async () => {
    const { pool, watched } = await open()
    await request('GET /client', async () => {
      const client = await pool.connect()
      for (const id of ids(6)) await client.query(BY_ID, [id])
      client.release()
    })
    await request('GET /transaction', () => watched.transaction(async tx => void (await Promise.all(ids(6).map(id => tx.query(BY_ID, [id]))))))
    await request('GET /at-once', () => Promise.all(ids(6).map(id => pool.query(BY_ID, [id]))))
    const found = Object.fromEntries(watched.repeats().map(({ route, callSite, callCount }) => [route, { callSite, callCount }]))
    const expected = { callSite: expect.stringContaining(HERE), callCount: 6 }
    expect(found).toEqual({ 'GET /client': expected, 'GET /transaction': expected, 'GET /at-once': expected })
  })

  it('is found when its parameters are literals in the text, and when it writes', async () => {
    const { pool, watched } = await open()
    await request('GET /literals', async () => {
      for (const id of ids(6)) await pool.query(`select city from agent where id = ${id}`)
    })
    await request('POST /score', async () => {
      for (const id of ids(6)) await pool.query('update agent set rating = $2 where id = $1', [id, 3])
    })
    const found = watched.repeats().map(({ route, rule, isWrite, distinctCount }) => ({ route, rule, isWrite, distinctCount }))
    expect(found).toContainEqual({ route: 'GET /literals', rule: 'pg/n-plus-one', isWrite: false, distinctCount: 6 })
    expect(found).toContainEqual({ route: 'POST /score', rule: 'pg/n-plus-one', isWrite: true, distinctCount: 6 })
  })

  it('is a duplicate read, another finding, when its parameters are the same', async () => {
    const { pool, watched } = await open()
    await request('GET /me', async () => {
      for (const _ of ids(7)) await pool.query(BY_ID, [3])
    })
    expect(watched.repeats()).toMatchObject([{ rule: 'pg/duplicate-read', route: 'GET /me', callCount: 7, distinctCount: 1 }])
  })

  it('is nothing below five calls, across requests, outside of requests, or for BEGIN and COMMIT', async () => {
    const { pool, watched } = await open()
    await request('GET /four', async () => {
      for (const id of ids(4)) await pool.query(BY_ID, [id])
    })
    for (const id of ids(20)) await request('GET /agents/:id', () => pool.query(BY_ID, [id]))
    for (const id of ids(20)) await pool.query(BY_ID, [id])
    await request('POST /many', async () => {
      for (const _ of ids(8)) await watched.transaction(async () => {})
    })
    expect(watched.repeats()).toEqual([])
  })

  it('is blamed on its own request while 50 requests queue for one connection', async () => {
    const { pool, watched } = await open({}, 1)
    await Promise.all(
      ids(50).map(n =>
        request(n % 2 === 0 ? 'GET /loop' : 'GET /once', async () => {
          for (const id of ids(n % 2 === 0 ? 6 : 2)) await pool.query(BY_ID, [id])
        }),
      ),
    )
    expect(watched.repeats()).toMatchObject([{ route: 'GET /loop', requestCount: 25, callCount: 150 }])
  })
})

describe('a batch', () => {
  it('of a DataLoader is no pattern, however often it runs; a loop beside it is', async () => {
    const { pool, watched } = await open()
    const loader = (): DataLoader<number, string> =>
      new DataLoader(async keys => {
        const { rows } = await pool.query('select id, name from agent where id = any($1)', [[...keys]])
        const names = new Map(rows.map(row => [row.id, row.name]))
        return keys.map(key => names.get(key))
      })
    await request('GET /loaded', async () => {
      // Each round is a tick of its own, as levels of a GraphQL answer are: seven batches.
      for (const round of ids(7)) await loader().loadMany([round, round + 1, round + 2])
    })
    await request('GET /in', async () => {
      for (const id of ids(7)) await pool.query('select name from agent where id in ($1, $2)', [id, id + 1])
    })
    expect(watched.repeats()).toEqual([])
    await request('GET /loop', async () => {
      for (const id of ids(7)) await pool.query('select name from agent where id in ($1)', [id])
    })
    expect(watched.repeats()).toMatchObject([{ rule: 'pg/n-plus-one', route: 'GET /loop' }])
  })

  it('job that is allowed is silent, and the rest of its request is not', async () => {
    const { pool, watched } = await open({ options: { allowRepeats: ['POST /imports'] } })
    const loop = async (text: string): Promise<void> => {
      for (const id of ids(9)) await pool.query(text, [id])
    }
    await request('POST /imports', () => loop(BY_ID))
    await request('POST /partly', async () => {
      await watched.allowRepeats(() => loop(BY_ID))
      await loop('select city from agent where id = $1')
    })
    await watched.allowRepeats(() => loop(BY_ID))
    expect(watched.repeats()).toMatchObject([{ route: 'POST /partly', text: 'select city from agent where id = $1', callCount: 9 }])

    const fingerprint = watched.repeats()[0]!.fingerprint
    const second = await open({ options: { allowRepeats: [fingerprint] } })
    await request('POST /partly', async () => {
      for (const id of ids(9)) await second.pool.query('select city from agent where id = $1', [id])
    })
    expect(second.watched.repeats()).toEqual([])
  })

  it('job counts into its request while its repeats are allowed', async () => {
    const { pool, watched } = await open()
    const scope = createRequestScope()
    await runInRequestScope(scope, () => watched.allowRepeats(() => Promise.all(ids(3).map(id => pool.query(BY_ID, [id])))))
    expect(scope).toMatchObject({ statementCount: 3, statementCalls: undefined })
    expect(scope.pgMs).toBeGreaterThan(0)
  })

  it('refuses a list of allowed repeats that is none', () => {
    const options = { allowRepeats: 'GET /a' as unknown as string[] }
    const pool = new pg.Pool({ connectionString: database.url })
    expect(() => observePool(pool, { registry: createRegistry(), options })).toThrow(
      expect.objectContaining({ code: 'HF_CONFIG_INVALID', message: expect.stringContaining('allowRepeats') }),
    )
  })
})

describe.each([
  ['Prisma', prismaLeads],
  ['Drizzle', drizzleLeads],
  ['Kysely', kyselyLeads],
] as const)('a loop over rows with %s', (_, orm) => {
  it('is found with its call site, through hf.pg.trace where the ORM sends later than it is asked', async () => {
    const { pool, watched } = await open()
    const leads = orm(pool, watched.trace)
    closers.push(() => leads.close())
    await request('GET /leads', async () => {
      for (const id of ids(6)) await leads.agent(id)
    })
    await request('POST /assignments', async () => {
      for (const id of ids(6)) await leads.assign(id, id, true).catch(() => undefined)
    })
    const repeats = watched.repeats()
    const read = repeats.find(({ route }) => route === 'GET /leads')
    expect(read).toMatchObject({ rule: 'pg/n-plus-one', callCount: 6, distinctCount: 6 })
    expect(read?.callSite).toMatch(/(prisma|drizzle|kysely)-leads\.ts:\d+|repeats\.test\.ts:\d+/)
    const writes = repeats.filter(({ route, isWrite }) => route === 'POST /assignments' && isWrite)
    expect(writes.length).toBeGreaterThanOrEqual(2)
    for (const write of writes) expect(write.callSite).toMatch(/(prisma|drizzle|kysely)-leads\.ts:\d+|repeats\.test\.ts:\d+/)
  })
})

describe('what was found', () => {
  it('is counted once a request has ended, and written to the log once a minute at most', async () => {
    const clock = fakeClock()
    const logger: Logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const { pool, registry } = await open({ clock, logger })
    const loop = (count: number): Promise<void> =>
      request('GET /leads', async () => {
        for (const id of ids(count)) await pool.query(BY_ID, [id])
      })
    await loop(8)
    clock.advance(1000)
    await loop(20)
    for (let second = 0; second < 59; second++) clock.advance(1000)
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      { repeats: [expect.objectContaining({ route: 'GET /leads', mostCalls: 8, text: BY_ID })] },
      expect.stringMatching(/GET \/leads: 8 times with other parameters at .*repeats\.test\.ts:\d+:\d+ \(select name/),
    )
    clock.advance(1000)
    expect(logger.warn).toHaveBeenCalledTimes(2)
    for (let second = 0; second < 120; second++) clock.advance(1000)
    expect(logger.warn).toHaveBeenCalledTimes(2)
    const value = (name: string): unknown =>
      registry
        .snapshot()
        .find(family => family.name === name)
        ?.series.map(series => [series.labels[0], series.value])
    expect(value('holdfast_pg_repeated_statements')).toEqual([['pg/n-plus-one', 28]])
    expect(value('holdfast_pg_repeating_requests')).toEqual([['pg/n-plus-one', 2]])
  })

  it('stays bounded: 64 statements of one request, 200 patterns, and counters for what is beyond', async () => {
    const { pool, watched, registry } = await open()
    for (let route = 0; route < 203; route++) {
      await request(`GET /r${route}`, async () => {
        for (const id of ids(5)) await pool.query(BY_ID, [id])
      })
    }
    await request('GET /wide', async () => {
      for (const column of ids(70)) await pool.query(`select 1 as c${column}`)
    })
    expect(watched.repeats()).toHaveLength(200)
    const overflow = registry.snapshot().find(({ name }) => name === 'holdfast_pg_repeat_overflow')
    expect(Object.fromEntries(overflow!.series.map(({ labels, value }) => [labels[0], value]))).toEqual({
      'statements of a request': 6,
      patterns: 3,
    })
  })
})
