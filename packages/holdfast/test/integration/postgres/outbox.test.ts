import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { type HoldfastPg, type InvalidationTarget, observePool } from 'holdfast/postgres'
import { createRegistry, type Registry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

let database: ClonedDatabase
/** Looks from outside. */
let admin: pg.Pool

beforeAll(async () => {
  database = await cloneDatabase({ name: 'outbox' })
  admin = new pg.Pool({ connectionString: database.url, max: 2 })
  await admin.query('create table fund (id int primary key, units int not null, parent int references fund deferrable initially deferred)')
})
afterAll(async () => {
  await admin.end()
  await database.drop()
})

interface Row {
  readonly namespace: string
  readonly tags: string[]
}
const rows = async (): Promise<Row[]> =>
  (await admin.query('select namespace, tags from holdfast.invalidation order by id')).rows.map(row => ({ ...row, tags: JSON.parse(row.tags) }))
const hasTable = async (): Promise<boolean> => (await admin.query("select to_regclass('holdfast.invalidation') is not null as yes")).rows[0].yes
/** A row as a process that died would have left it. */
const leaveBehind = (namespace: string, tags: string, ageMs: number): Promise<unknown> =>
  admin.query("insert into holdfast.invalidation (namespace, tags, written_at) values ($1, $2, clock_timestamp() - $3 * interval '1 millisecond')", [
    namespace,
    tags,
    ageMs,
  ])

interface Opened extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly watched: HoldfastPg<pg.Pool>
  readonly registry: Registry
  readonly invalidate: ReturnType<typeof vi.fn<(tags: readonly string[]) => Promise<boolean>>>
  readonly clear: ReturnType<typeof vi.fn<() => Promise<boolean>>>
  readonly warn: ReturnType<typeof vi.fn>
  count(event: string): number
}

async function open(
  options: { namespace?: string; url?: string; outbox?: boolean; isReachable?: () => boolean; waits?: boolean } = {},
): Promise<Opened> {
  const { namespace = 'a', url = database.url, outbox = true, isReachable = () => true, waits = true } = options
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  const invalidate = vi.fn(async (_tags: readonly string[]) => true)
  const clear = vi.fn(async () => true)
  const warn = vi.fn()
  const registry = createRegistry()
  const target: InvalidationTarget = { namespace, isShared: true, check: () => undefined, isReachable, invalidate, clear }
  const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() }
  const watched = observePool(pool, { registry, target, logger, random: () => 0, options: { outbox } })
  await watched.start()
  if (waits) await vi.waitFor(async () => expect(await hasTable()).toBe(true), { timeout: 10_000 })
  return {
    pool,
    watched,
    registry,
    invalidate,
    clear,
    warn,
    count: event =>
      registry
        .snapshot()
        .find(family => family.name === 'holdfast_pg_outbox_rows')
        ?.series.find(series => series.labels[0] === event)?.value ?? 0,
    async [Symbol.asyncDispose]() {
      await watched.stop()
      await pool.end()
    },
  }
}

beforeEach(async () => {
  await admin.query('truncate fund')
  await admin.query('insert into fund values (1, 10)')
})
afterEach(async () => {
  if (await hasTable()) await admin.query('truncate holdfast.invalidation')
})

describe('the invalidation outbox', () => {
  it('holds the tags from the commit on, until the cache has acknowledged them', async () => {
    await using one = await open()
    let seenWhenTold: Row[] = []
    one.invalidate.mockImplementation(async () => {
      seenWhenTold = await rows()
      return true
    })
    await one.watched.transaction(async tx => {
      await tx.query('update fund set units = 11 where id = 1')
      tx.invalidate('fund:1', 'funds')
    })
    expect(seenWhenTold).toEqual([{ namespace: 'a', tags: ['fund:1', 'funds'] }])
    await vi.waitFor(async () => expect(await rows()).toEqual([]), 3000)
    expect(one.invalidate).toHaveBeenCalledTimes(1)
  })

  it('keeps them while the cache has only noted them, and when it failed', async () => {
    await using one = await open()
    one.invalidate.mockResolvedValueOnce(false).mockRejectedValueOnce(new Error('no cache'))
    await one.watched.transaction(async tx => tx.invalidate('noted'))
    await one.watched.transaction(async tx => tx.invalidate('failed'))
    await one.watched.stop()
    expect((await rows()).map(row => row.tags)).toEqual([['noted'], ['failed']])
  })

  it('takes any tag as it is', async () => {
    await using one = await open()
    one.invalidate.mockResolvedValue(false)
    const tags = ["'; drop table fund; --", '\\', '$1', 'Ünï\u{1f511}', '\u0000', '\ud800', '"', 'a\nb', 'x'.repeat(255)]
    await one.watched.transaction(async tx => tx.invalidate(...tags))
    await one.watched.stop()
    expect((await rows())[0]!.tags).toEqual(tags)
  })

  it('holds nothing of a transaction or a savepoint that rolled back, nor of one without tags', async () => {
    await using one = await open()
    one.invalidate.mockResolvedValue(false)
    const failing = one.watched.transaction(async tx => {
      tx.invalidate('thrown')
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    const swallowed = one.watched.transaction(async tx => {
      tx.invalidate('swallowed')
      await tx.query('select nonsense').catch(() => undefined)
    })
    await expect(swallowed).rejects.toMatchObject({ code: 'HF_PG_TRANSACTION_ABORTED' })
    await one.watched.transaction(tx => tx.query('update fund set units = 12'))
    expect(await rows()).toEqual([])
    await one.watched.transaction(async tx => {
      tx.invalidate('outer')
      await tx
        .transaction(async inner => {
          inner.invalidate('inner')
          throw new Error('mine')
        })
        .catch(() => undefined)
    })
    await one.watched.stop()
    expect((await rows()).map(row => row.tags)).toEqual([['outer']])
  })

  it('passes on what COMMIT itself refuses, and leaves the connection fit for use', async () => {
    await using one = await open()
    const work = one.watched.transaction(async tx => {
      await tx.query('insert into fund values (2, 0, 99)')
      tx.invalidate('fund:2')
    })
    await expect(work).rejects.toMatchObject({ code: '23503' })
    expect([await rows(), one.invalidate.mock.calls]).toEqual([[], []])
    expect((await one.pool.query('select count(*)::int as n from fund')).rows[0].n).toBe(1)
  })

  it('writes nothing in a read-only transaction, which commits and is announced all the same', async () => {
    await using one = await open()
    await one.watched.transaction(async tx => tx.invalidate('asked'), { readOnly: true })
    await one.watched.transaction(async tx => {
      await tx.query('set transaction read only')
      tx.invalidate('set')
    })
    expect(one.invalidate.mock.calls).toEqual([[['asked']], [['set']]])
    expect(await rows()).toEqual([])
  })

  it('does not undo the work of a transaction when the table is gone, and makes it anew', async () => {
    await using one = await open()
    await one.watched.transaction(async tx => tx.invalidate('first'))
    await admin.query('drop table holdfast.invalidation')
    await one.watched.transaction(async tx => {
      await tx.query('update fund set units = 13 where id = 1')
      tx.invalidate('fund:1')
    })
    expect((await admin.query('select units from fund')).rows).toEqual([{ units: 13 }])
    expect(one.invalidate.mock.calls).toEqual([[['first']], [['fund:1']]])
    expect(one.warn).toHaveBeenCalledTimes(1)
    await vi.waitFor(async () => expect(await hasTable()).toBe(true), 3000)
  })

  it('costs the service no statement: COMMIT is counted as it was, and the rest not at all', async () => {
    await using one = await open()
    await using without = await open({ outbox: false })
    const counted = async ({ watched }: Opened): Promise<unknown> => {
      const scope = createRequestScope()
      await runInRequestScope(scope, () =>
        watched.transaction(async tx => {
          await tx.query('update fund set units = 14 where id = 1')
          tx.invalidate('fund:1')
        }),
      )
      return { inScope: scope.statementCount, texts: watched.statements().map(({ text, callCount }) => [text, callCount]) }
    }
    const plain = await counted(without)
    expect(await counted(one)).toEqual(plain)
    await vi.waitFor(async () => expect(await rows()).toEqual([]), 3000)
    expect({ inScope: 3, texts: one.watched.statements().map(({ text, callCount }) => [text, callCount]) }).toEqual(plain)
  })

  it('lets serializable transactions fail and run again as they do without it', async () => {
    await using one = await open()
    await admin.query('insert into fund values (2, 20)')
    let arrived = 0
    let open2: () => void
    const barrier = new Promise<void>(resolve => {
      open2 = resolve
    })
    const add = (id: number): Promise<void> =>
      one.watched.transaction(
        async tx => {
          const { rows: found } = await tx.query<{ sum: string }>('select sum(units) as sum from fund')
          if (++arrived === 2) open2()
          await barrier
          tx.invalidate(`fund:${id}`)
          await tx.query('update fund set units = $2 where id = $1', [id, Number(found[0]!.sum)])
        },
        { isolation: 'serializable', retries: 3 },
      )
    await Promise.all([add(1), add(2)])
    expect(arrived).toBe(3)
    expect(one.invalidate.mock.calls.flat(2).sort()).toEqual(['fund:1', 'fund:2'])
  })
})

describe('a role that may not have the table', () => {
  it('commits as without it, and says so once', async () => {
    const role = `plain_${process.pid}`
    await admin.query(`create role ${role} login password 'p'`)
    await admin.query(`grant select, update on fund to ${role}`)
    await admin.query('drop schema if exists holdfast cascade')
    const url = new URL(database.url)
    url.username = role
    url.password = 'p'
    {
      await using one = await open({ url: url.href, waits: false })
      await vi.waitFor(() => expect(one.warn).toHaveBeenCalledTimes(1))
      expect(one.watched.health().status).toBe('ok')
      for (let i = 0; i < 2; i++) {
        await one.watched.transaction(async tx => {
          await tx.query('update fund set units = 15')
          tx.invalidate('funds')
        })
      }
      expect(one.invalidate).toHaveBeenCalledTimes(2)
      expect(one.watched.health()).toMatchObject({ status: 'degraded', reasons: [{ why: expect.stringContaining(`role "${role}" may not create`) }] })
      expect(one.warn).toHaveBeenCalledTimes(1)
    }
    await admin.query(`drop owned by ${role}`)
    await admin.query(`drop role ${role}`)
  })
})

describe('the relay of another process', () => {
  beforeEach(async () => {
    await (await open())[Symbol.asyncDispose]()
  })

  it('completes what was left behind, once, and nothing that is young, or another cache’s, or in somebody’s hand', async () => {
    await leaveBehind('a', '["old", "both"]', 5000)
    await leaveBehind('a', '["older", "both"]', 60_000)
    await leaveBehind('a', '["young"]', 500)
    await leaveBehind('b', '["foreign"]', 60_000)
    await leaveBehind('a', '["held"]', 60_000)
    const holder = await admin.connect()
    await holder.query('begin')
    await holder.query(`select from holdfast.invalidation where tags = '["held"]' for update`)
    await using one = await open()
    await vi.waitFor(() => expect(one.count('rescued')).toBe(2))
    expect(one.invalidate.mock.calls).toEqual([[['old', 'both', 'older']]])
    expect((await rows()).map(row => row.tags)).toEqual([['young'], ['foreign'], ['held']])
    await holder.query('rollback')
    holder.release()
  })

  it('keeps what it could not bring to Redis', async () => {
    await leaveBehind('a', '["old"]', 5000)
    await using one = await open({ waits: false })
    one.invalidate.mockResolvedValue(false)
    await vi.waitFor(() => expect(one.invalidate).toHaveBeenCalled())
    await one.watched.stop()
    expect((await rows()).map(row => row.tags)).toEqual([['old']])
  })

  it('drops everything for a row that it cannot read', async () => {
    await leaveBehind('a', 'damaged', 5000)
    await using one = await open()
    await vi.waitFor(() => expect(one.count('rescued')).toBe(1))
    expect([one.clear.mock.calls.length, await rows()]).toEqual([1, []])
  })

  it('folds more rows than are good for a table into one that drops everything, and says so', async () => {
    await admin.query("insert into holdfast.invalidation (namespace, tags) select 'a', '[\"t' || n || '\"]' from generate_series(1, 100001) n")
    {
      await using away = await open({ isReachable: () => false })
      await vi.waitFor(() => expect(away.count('folded')).toBe(100_000), 10_000)
      expect(away.watched.health().reasons[0]?.why).toMatch(/100000 or more invalidations .* wait .* for Redis/)
      expect((await rows()).map(row => row.tags)).toEqual([null])
      expect(away.invalidate).not.toHaveBeenCalled()
    }
    await admin.query("update holdfast.invalidation set written_at = written_at - interval '1 minute'")
    await using back = await open()
    await vi.waitFor(() => expect(back.count('rescued')).toBe(1))
    expect(back.clear).toHaveBeenCalledTimes(1)
    expect(back.watched.health().status).toBe('ok')
  })
})
