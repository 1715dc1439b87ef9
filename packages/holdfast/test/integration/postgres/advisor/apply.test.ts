import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/core/index.ts'
import type { Advisor, AdvisorClient } from '../../../../src/postgres/advisor/index.ts'
import { type AdvisorFixture, advisorFixture, indexesOf } from './fixture.ts'

const INDEX = 'hf_assignment_agent_id_status_idx'

let fixture: AdvisorFixture
let advisor: Advisor
let finding: Finding

beforeEach(async () => {
  fixture = await advisorFixture('apply')
  advisor = fixture.advisor()
  finding = await advisor.plant({ table: 'assignment', columns: ['agent_id', 'status'] })
})

afterEach(() => fixture.close())

/** An advisor that runs `before` when it is about to build. */
function advisorWith(before: (client: pg.Client) => Promise<void>): Advisor {
  return fixture.advisor({
    connect: async (): Promise<AdvisorClient> => {
      const client = await fixture.connect()
      return {
        async query(text: string, values?: unknown[]) {
          if (text.startsWith('CREATE INDEX CONCURRENTLY')) await before(client)
          return client.query(text, values)
        },
        end: () => client.end(),
      }
    },
  })
}

/** Opens a transaction whose snapshot a concurrent build waits for, on a table that has nothing to do with it. */
async function oldSnapshot(): Promise<pg.Client> {
  const client = await fixture.connect()
  await client.query('begin isolation level repeatable read')
  await client.query('select count(*) from tiny')
  return client
}

describe('apply', () => {
  it('builds a valid index, and writes down who did it', async () => {
    const applied = await advisor.apply(finding.id)
    expect(applied.state).toBe('applied')
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey', INDEX])
    const [line] = await advisor.audit()
    expect(line).toMatchObject({ what: 'apply', findingId: finding.id, outcome: 'done' })
    expect(line?.who.length).toBeGreaterThan(0)
    expect(line?.detail).toContain('CREATE INDEX CONCURRENTLY')
  })

  it('lets writers write while it waits for an older writer', async () => {
    let older: pg.Client | undefined
    const lines: string[] = []
    let waits = (): void => undefined
    const waiting = new Promise<void>(resolve => {
      waits = resolve
    })
    const slow = advisorWith(async () => {
      older = await fixture.connect()
      await older.query('begin')
      await older.query("update assignment set note = 'older' where id = 1")
    })
    const applying = slow.apply(finding.id, {
      lockTimeout: '30s',
      onProgress(line) {
        lines.push(line)
        if (line.includes('waits for pid')) waits()
      },
    })
    await waiting
    // The build hangs behind the older transaction; these would hang with it if it held a lock that stops writers.
    await fixture.app.query("update assignment set note = 'newer' where id = 2")
    await fixture.app.query("insert into assignment (agent_id, status, assigned_at, active, score, note) values (1, 'open', now(), true, 1, 'new')")
    await older!.query('commit')
    expect((await applying).state).toBe('applied')
    expect(lines[0]).toContain('CREATE INDEX CONCURRENTLY')
  })

  it('drops an INVALID leftover of the same name first, and says so', async () => {
    await expect(fixture.app.query(`create unique index concurrently ${INDEX} on assignment (agent_id)`)).rejects.toMatchObject({ code: '23505' })
    expect(await indexesOf(fixture.app)).toContain(`${INDEX}!`)
    const applied = await advisor.apply(finding.id)
    expect(applied.history.at(-1)?.note).toContain(`dropped ${INDEX}, an INVALID index`)
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey', INDEX])
  })

  it('drops an INVALID leftover with the same keys under another name', async () => {
    const snapshot = await oldSnapshot()
    await fixture.app.query("set lock_timeout = '50ms'")
    await expect(fixture.app.query('create index concurrently by_hand on assignment (agent_id, status)')).rejects.toMatchObject({ code: '55P03' })
    await snapshot.query('rollback')
    expect(await indexesOf(fixture.app)).toContain('by_hand!')
    await advisor.apply(finding.id)
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey', INDEX])
  })

  it('HF_PG_APPLY_BLOCKED: names the old transaction and begins nothing', async () => {
    const snapshot = await oldSnapshot()
    const { rows } = await snapshot.query<{ pid: number }>('select pg_backend_pid() as pid')
    const error = await advisor.apply(finding.id, { lockTimeout: '1ms' }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'HF_PG_APPLY_BLOCKED', retryable: true })
    expect(String(error)).toContain(`pid ${rows[0]?.pid}`)
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
    expect(await advisor.audit()).toMatchObject([{ what: 'apply', outcome: 'HF_PG_APPLY_BLOCKED' }])
  })

  it('HF_PG_APPLY_LOCKED: leaves nothing when a lock is not had in time', async () => {
    const late = advisorWith(async () => void (await oldSnapshot()))
    await expect(late.apply(finding.id, { lockTimeout: '100ms' })).rejects.toMatchObject({ code: 'HF_PG_APPLY_LOCKED' })
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
    expect((await advisor.finding(finding.id)).state).toBe('open')
  })

  it('HF_PG_APPLY_TIMEOUT: leaves nothing when the build takes too long', async () => {
    const late = advisorWith(async () => void (await oldSnapshot()))
    await expect(late.apply(finding.id, { lockTimeout: '30s', statementTimeout: '300ms' })).rejects.toMatchObject({ code: 'HF_PG_APPLY_TIMEOUT' })
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
  })

  it('HF_PG_APPLY_FAILED: leaves nothing when its backend is killed in mid-build', async () => {
    const killed = advisorWith(async client => {
      await oldSnapshot()
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const watch = await fixture.connect()
      // In the server, so that it happens after the statement has begun: the index is there, INVALID, when the backend dies.
      void watch.query(`do $$ begin
        while not exists (select from pg_stat_progress_create_index where pid = ${rows[0]?.pid} and phase like 'waiting for old snapshots%') loop
          perform pg_sleep(0.01), pg_stat_clear_snapshot();
        end loop;
        perform pg_terminate_backend(${rows[0]?.pid});
      end $$`)
    })
    await expect(killed.apply(finding.id, { lockTimeout: '30s' })).rejects.toMatchObject({ code: 'HF_PG_APPLY_FAILED' })
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
    expect(await advisor.audit()).toMatchObject([{ what: 'apply', outcome: 'HF_PG_APPLY_FAILED' }])
  })

  it('is given up by its signal in mid-build: nothing is left, and the log says so', async () => {
    const interrupt = new AbortController()
    const reason = new Error('given up')
    const late = advisorWith(async () => void (await oldSnapshot()))
    const onProgress = (line: string): void => {
      if (line.includes('waiting for old snapshots')) interrupt.abort(reason)
    }
    await expect(late.apply(finding.id, { lockTimeout: '30s', signal: interrupt.signal, onProgress })).rejects.toBe(reason)
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
    expect(await advisor.audit()).toMatchObject([{ what: 'apply', outcome: 'failed', detail: 'given up' }])
    expect((await advisor.finding(finding.id)).state).toBe('open')
    await expect(advisor.apply(finding.id, { signal: interrupt.signal })).rejects.toBe(reason)
  })

  it('HF_PG_INDEX_LEFTOVER: says what is left when it cannot be dropped, and clears it the next time', async () => {
    let reader: pg.Client | undefined
    const stuck = advisorWith(async () => {
      reader = await fixture.connect()
      await reader.query('begin isolation level repeatable read')
      // The snapshot stops the build; the lock on the very table stops the drop as well.
      await reader.query('select count(*) from assignment')
    })
    const error = await stuck.apply(finding.id, { lockTimeout: '60ms' }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'HF_PG_INDEX_LEFTOVER', retryable: true })
    expect(String(error)).toContain(`DROP INDEX CONCURRENTLY IF EXISTS public.${INDEX}`)
    await reader!.query('rollback')
    expect((await advisor.apply(finding.id)).state).toBe('applied')
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey', INDEX])
  })

  it('HF_PG_APPLY_BUSY: does not wait behind another index change', async () => {
    const other = await fixture.connect()
    await other.query("select pg_advisory_lock(hashtextextended('holdfast:index-change', 0))")
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({ code: 'HF_PG_APPLY_BUSY', retryable: true })
  })

  it('HF_PG_APPLY_OUTDATED: says that the table is gone since', async () => {
    await fixture.app.query('drop table assignment')
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({
      code: 'HF_PG_APPLY_OUTDATED',
      message: expect.stringContaining('no longer there'),
    })
    expect(await advisor.audit()).toMatchObject([{ what: 'apply', outcome: 'HF_PG_APPLY_OUTDATED' }])
  })

  it('HF_PG_INDEX_EXISTS: does not build what is there already, under whatever name', async () => {
    await fixture.app.query('create index by_hand on assignment (agent_id, status)')
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({ code: 'HF_PG_INDEX_EXISTS' })
    await fixture.app.query(`drop index by_hand; create table public.${INDEX} ()`)
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({ code: 'HF_PG_INDEX_EXISTS' })
  })

  it('HF_PG_FINDING_UNKNOWN and HF_PG_FINDING_STATE: refuses what makes no sense', async () => {
    await expect(advisor.apply('I-none')).rejects.toMatchObject({ code: 'HF_PG_FINDING_UNKNOWN' })
    await expect(advisor.finding('I-none')).rejects.toMatchObject({ code: 'HF_PG_FINDING_UNKNOWN' })
    await expect(advisor.verify(finding.id)).rejects.toMatchObject({ code: 'HF_PG_FINDING_STATE' })
    await expect(advisor.revert(finding.id)).rejects.toMatchObject({ code: 'HF_PG_FINDING_STATE' })
    await advisor.apply(finding.id)
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({ code: 'HF_PG_FINDING_STATE' })
  })

  it('HF_PG_PLANT_INVALID: knows the table and the columns', async () => {
    await expect(advisor.plant({ table: 'nowhere', columns: ['a'] })).rejects.toMatchObject({ code: 'HF_PG_PLANT_INVALID' })
    await expect(advisor.plant({ table: 'assignment', columns: ['agent_id', 'nothing'] })).rejects.toMatchObject({ code: 'HF_PG_PLANT_INVALID' })
    await expect(advisor.plant({ table: 'assignment', columns: [] })).rejects.toMatchObject({ code: 'HF_PG_PLANT_INVALID' })
  })
})
