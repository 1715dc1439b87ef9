import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Advisor } from '../../../../src/postgres/advisor/index.ts'
import { type AdvisorFixture, advisorFixture, indexesOf } from './fixture.ts'

let fixture: AdvisorFixture
let advisor: Advisor

beforeEach(async () => {
  fixture = await advisorFixture('verify')
  advisor = fixture.advisor()
})

afterEach(() => fixture.close())

async function appliedFinding(): Promise<string> {
  const since = await advisor.mark()
  await fixture.readByAgent(60)
  const { findings } = await advisor.advise({ since, rules: 'pg/missing-index' })
  const id = findings[0]!.id
  await advisor.apply(id)
  return id
}

describe('verify', () => {
  it('says fixed by the calls since the build, and can be reverted', async () => {
    const id = await appliedFinding()
    await fixture.readByAgent(220)
    const verified = await advisor.verify(id)
    expect(verified.verification).toMatchObject({ verdict: 'fixed', before: { sampleCount: 60 }, after: { sampleCount: 220 }, revertOffered: false })
    expect(verified.verification!.after.meanMs).toBeLessThan(verified.verification!.before.meanMs / 2)
    expect(verified.state).toBe('verified')
    expect((await advisor.audit()).map(({ what, outcome }) => `${what} ${outcome}`)).toEqual(['verify fixed', 'apply done'])

    const reverted = await advisor.revert(id)
    expect(reverted.state).toBe('open')
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
    expect((await advisor.audit())[0]).toMatchObject({ what: 'revert', outcome: 'done' })
  })

  it('says undecided and how many calls are missing', async () => {
    const id = await appliedFinding()
    await fixture.readByAgent(12)
    const { verification, state } = await advisor.verify(id)
    expect(verification).toMatchObject({ verdict: 'undecided', revertOffered: false, after: { sampleCount: 12 } })
    expect(verification?.why).toContain('188 more')
    expect(state).toBe('applied')
    await fixture.readByAgent(30)
    expect((await advisor.verify(id, { minCalls: 40 })).verification?.verdict).toBe('fixed')
  })

  it('says undecided when the counters were reset', async () => {
    const id = await appliedFinding()
    await fixture.readByAgent(20)
    await fixture.app.query('select pg_stat_statements_reset()')
    await fixture.readByAgent(20)
    expect((await advisor.verify(id, { minCalls: 10 })).verification).toMatchObject({ verdict: 'undecided', why: expect.stringContaining('reset') })
  })

  it('says no effect of a planted index that nothing uses, offers the revert, and forgets it afterwards', async () => {
    const since = await advisor.mark()
    await fixture.readByAgent(60)
    const planted = await advisor.plant({ table: 'assignment', columns: [{ name: 'note', descending: true }], since })
    expect(planted.evidence.statement).toContain('planted by request')
    expect(planted.recommendation.sql[0]).toContain('(note DESC)')
    await advisor.apply(planted.id)
    await fixture.readByAgent(60)
    const { verification } = await advisor.verify(planted.id, { minCalls: 50 })
    expect(verification).toMatchObject({ verdict: 'no effect', revertOffered: true, why: expect.stringContaining('not used once in 60 calls') })
    expect((await advisor.revert(planted.id)).state).toBe('gone')
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
  })

  it('says undecided when somebody dropped the index, and reverting that is no error', async () => {
    const id = await appliedFinding()
    const { recommendation } = await advisor.finding(id)
    await fixture.app.query(recommendation.revertSql[0]!)
    expect((await advisor.verify(id)).verification?.why).toContain('no longer there')
    expect((await advisor.revert(id)).state).toBe('open')
  })
})
