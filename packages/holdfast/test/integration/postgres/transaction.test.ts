import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { type HoldfastPg, type InvalidationTarget, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

let database: ClonedDatabase
let pool: pg.Pool
let watched: HoldfastPg<pg.Pool>
const onCommit = vi.fn(async (_tags: readonly string[]) => true)
const target: InvalidationTarget = {
  namespace: 'tx',
  isShared: false,
  check: () => undefined,
  isReachable: () => true,
  invalidate: onCommit,
  clear: async () => true,
}
const logged = vi.fn()
const logger = { debug: logged, info: logged, warn: logged, error: logged }

beforeAll(async () => {
  database = await cloneDatabase({ name: 'tx' })
  pool = new pg.Pool({ connectionString: database.url, max: 3 })
  watched = observePool(pool, { registry: createRegistry(), target, logger, random: () => 0 })
  await watched.start()
  await pool.query('create table fund (id int primary key, units int not null)')
})
afterAll(async () => {
  await watched.stop()
  await pool.end()
  await database.drop()
})
beforeEach(async () => {
  onCommit.mockReset().mockResolvedValue(true)
  await pool.query('truncate fund')
  await pool.query('insert into fund values (1, 10), (2, 20)')
})

const units = async (id: number): Promise<number | undefined> => (await pool.query('select units from fund where id = $1', [id])).rows[0]?.units
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    error => error.code,
  )

describe('transaction', () => {
  it('commits, forgets the tags after the commit, and returns what the function returned', async () => {
    let unitsWhenTold: number | undefined
    onCommit.mockImplementation(async () => {
      unitsWhenTold = await units(1)
      return true
    })
    const result = await watched.transaction(async tx => {
      tx.invalidate('fund:1', 'funds')
      await tx.query('update fund set units = 11 where id = 1')
      tx.invalidate('fund:1')
      return 'done'
    })
    expect(result).toBe('done')
    expect(unitsWhenTold).toBe(11)
    expect(onCommit.mock.calls).toEqual([[['fund:1', 'funds']]])
  })

  it('rolls back on any throw, passes the error on as it is, and forgets nothing', async () => {
    const mine = new Error('mine')
    const work = watched.transaction(async tx => {
      await tx.query('update fund set units = 0')
      tx.invalidate('funds')
      throw mine
    })
    await expect(work).rejects.toBe(mine)
    expect(await units(1)).toBe(10)
    expect(onCommit).not.toHaveBeenCalled()
    expect(watched.poolState().used).toBe(0)
  })

  it('passes an error of the server on as the driver made it', async () => {
    const error = await watched.transaction(tx => tx.query('insert into fund values (1, 1)')).catch(e => e)
    expect(error).toBeInstanceOf(pg.DatabaseError)
    expect(error.code).toBe('23505')
  })

  it('refuses with HF_PG_TRANSACTION_ABORTED when the error of a statement was swallowed', async () => {
    const work = watched.transaction(async tx => {
      tx.invalidate('funds')
      await tx.query('update fund set units = 0')
      await tx.query('select nonsense').catch(() => undefined)
    })
    expect(await codeOf(work)).toBe('HF_PG_TRANSACTION_ABORTED')
    expect(await units(1)).toBe(10)
    expect(onCommit).not.toHaveBeenCalled()
  })

  it.each(['rollback', 'commit'])('refuses with HF_PG_TRANSACTION_ENDED when the work sent %s itself, and forgets its tags', async end => {
    const work = watched.transaction(async tx => {
      tx.invalidate('funds')
      await tx.query('update fund set units = 12 where id = 1')
      await tx.query(end)
      await tx.query('select 1')
    })
    expect(await codeOf(work)).toBe('HF_PG_TRANSACTION_ENDED')
    expect(await units(1)).toBe(end === 'commit' ? 12 : 10)
    expect(onCommit).toHaveBeenCalledWith(['funds'])
    await watched.transaction(tx => tx.query('update fund set units = 10 where id = 1'))
  })

  it('undoes a nested transaction alone, with its tags', async () => {
    await watched.transaction(async tx => {
      await tx.query('update fund set units = 11 where id = 1')
      tx.invalidate('fund:1')
      await tx
        .transaction(async inner => {
          inner.invalidate('fund:2')
          await inner.query('update fund set units = 0 where id = 2')
          await inner.query('select nonsense')
        })
        .catch(() => undefined)
      await tx.transaction(async inner => {
        inner.invalidate('fund:3')
        await inner.transaction(deepest => deepest.query('insert into fund values (3, 30)'))
      })
    })
    expect([await units(1), await units(2), await units(3)]).toEqual([11, 20, 30])
    expect(onCommit.mock.calls).toEqual([[['fund:1', 'fund:3']]])
  })

  it('sets isolation and access mode for this transaction alone', async () => {
    const settings = await watched.transaction(
      async tx => (await tx.query("select current_setting('transaction_isolation') i, current_setting('transaction_read_only') r")).rows[0],
      { isolation: 'repeatable read', readOnly: true },
    )
    expect(settings).toEqual({ i: 'repeatable read', r: 'on' })
    expect(await codeOf(watched.transaction(tx => tx.query('delete from fund'), { readOnly: true }))).toBe('25006')
    await watched.transaction(tx => tx.query('delete from fund'))
  })

  it("limits its own statements and nobody else's", async () => {
    const slow = watched.transaction(tx => tx.query('select pg_sleep(10)'), { statementTimeout: '20ms' })
    expect(await codeOf(slow)).toBe('57014')
    const shown = await watched.transaction(async tx => (await tx.query('show statement_timeout')).rows, { statementTimeout: '3m', readOnly: true })
    expect(shown).toEqual([{ statement_timeout: '3min' }])
    expect((await pool.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '0' }])
    expect(await codeOf(watched.transaction(async () => 1, { statementTimeout: 'soon' as '1s' }))).toBe('HF_CONFIG_DURATION')
  })

  it('names every bad argument at once, before anything is sent', async () => {
    const sentCount = watched.statements().length
    const refused = watched.transaction('work' as never, { isolation: 'loose' as 'serializable', retries: Number.NaN })
    await expect(refused).rejects.toMatchObject({ code: 'HF_CONFIG_INVALID', message: expect.stringMatching(/work.*isolation.*retries/) })
    expect(watched.statements()).toHaveLength(sentCount)
  })

  it('refuses use after the end with HF_PG_TRANSACTION_CLOSED', async () => {
    const kept = await watched.transaction(async tx => tx)
    expect(() => kept.query('select 1')).toThrow(expect.objectContaining({ code: 'HF_PG_TRANSACTION_CLOSED' }))
    expect(() => kept.invalidate('x')).toThrow(expect.objectContaining({ code: 'HF_PG_TRANSACTION_CLOSED' }))
    expect(await codeOf(kept.transaction(async () => undefined))).toBe('HF_PG_TRANSACTION_CLOSED')
  })

  it('counts as committed when the tags could not be forgotten, and says so in the log', async () => {
    onCommit.mockRejectedValue(new Error('Redis is away'))
    logged.mockClear()
    await watched.transaction(async tx => {
      tx.invalidate('fund:1')
      await tx.query('update fund set units = 12 where id = 1')
    })
    expect(await units(1)).toBe(12)
    expect(logged).toHaveBeenCalledWith(expect.objectContaining({ tags: ['fund:1'] }), expect.stringContaining('not invalidated'))
  })
})

describe('two transactions in conflict', () => {
  /** Both read everything and then write: one of them must fail under serializable. */
  async function conflict(retries: number): Promise<{ outcomes: string[]; attempts: number }> {
    let attempts = 0
    let readCount = 0
    let bothHaveRead: () => void
    const barrier = new Promise<void>(resolve => {
      bothHaveRead = resolve
    })
    const add = (id: number): Promise<string> =>
      codeOf(
        watched.transaction(
          async tx => {
            attempts++
            const { rows } = await tx.query<{ sum: string }>('select sum(units) as sum from fund')
            if (++readCount === 2) bothHaveRead()
            await barrier
            tx.invalidate(`fund:${id}`)
            await tx.query('update fund set units = $2 where id = $1', [id, Number(rows[0]!.sum)])
          },
          { isolation: 'serializable', retries },
        ),
      )
    return { outcomes: await Promise.all([add(1), add(2)]), attempts }
  }

  it('fails one of them with 40001 when no retry was asked for', async () => {
    const { outcomes, attempts } = await conflict(0)
    expect(outcomes.sort()).toEqual(['40001', 'no error'])
    expect(attempts).toBe(2)
    expect(onCommit).toHaveBeenCalledTimes(1)
  })

  it('runs the loser again when asked to, and forgets the tags of each once', async () => {
    const { outcomes, attempts } = await conflict(3)
    expect(outcomes).toEqual(['no error', 'no error'])
    expect(attempts).toBe(3)
    expect(onCommit.mock.calls.flat(2).sort()).toEqual(['fund:1', 'fund:2'])
    // 10 + 20 went to one fund; the loser, run again, saw that and wrote the new sum to the other.
    expect([
      [30, 50],
      [40, 30],
    ]).toContainEqual([await units(1), await units(2)])
  })

  it('does not run again what fails for another reason', async () => {
    let attempts = 0
    const work = watched.transaction(
      tx => {
        attempts++
        return tx.query('select nonsense')
      },
      { retries: 5 },
    )
    expect(await codeOf(work)).toBe('42703')
    expect(attempts).toBe(1)
  })
})

describe('a connection lost inside a transaction', () => {
  const backendOf = async (tx: { query: pg.Pool['query'] }): Promise<number> => (await tx.query('select pg_backend_pid() as pid')).rows[0].pid

  it('passes the error on, destroys the connection, and leaves the pool usable', async () => {
    const work = watched.transaction(async tx => {
      await tx.query('select pg_terminate_backend(pg_backend_pid())')
    })
    expect(await codeOf(work)).toBe('57P01')
    expect(watched.poolState().used).toBe(0)
    expect(await units(1)).toBe(10)
  })

  it('is no unknown outcome where it was lost before COMMIT could be sent: nothing was written, and no tag is forgotten', async () => {
    const work = watched.transaction(async tx => {
      await tx.query('update fund set units = 98 where id = 1')
      tx.invalidate('fund:1')
      const lost = new Promise<void>(resolve => tx.client.once('end', resolve))
      await pool.query('select pg_terminate_backend($1)', [await backendOf(tx)])
      await lost
    })
    await expect(work).rejects.toThrow('not queryable')
    expect(onCommit).not.toHaveBeenCalled()
    expect(await units(1)).toBe(10)
    expect(watched.poolState().used).toBe(0)
  })

  it('says HF_PG_COMMIT_UNKNOWN when COMMIT was under way, and forgets the tags to be safe', async () => {
    // A deferred trigger makes COMMIT wait for a lock that the test holds, so that the connection dies in the middle of it for certain.
    await pool.query(
      `create function wait_for_lock() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(42); return null; end'`,
    )
    await pool.query(
      'create constraint trigger slow_commit after update on fund deferrable initially deferred for each row execute function wait_for_lock()',
    )
    const holder = await pool.connect()
    await holder.query('select pg_advisory_lock(42)')
    let pid = 0
    const work = watched.transaction(async tx => {
      pid = await backendOf(tx)
      await tx.query('update fund set units = 99 where id = 1')
      tx.invalidate('fund:1')
    })
    const code = codeOf(work)
    await vi.waitFor(async () => {
      const { rows } = await holder.query("select 1 from pg_locks where pid = $1 and locktype = 'advisory' and not granted", [pid])
      expect(rows).toHaveLength(1)
    })
    await holder.query('select pg_terminate_backend($1)', [pid])
    expect(await code).toBe('HF_PG_COMMIT_UNKNOWN')
    expect(onCommit.mock.calls).toEqual([[['fund:1']]])
    await holder.query('select pg_advisory_unlock(42)')
    holder.release()
    await pool.query('drop trigger slow_commit on fund')
    expect(watched.poolState().used).toBe(0)
  })
})
