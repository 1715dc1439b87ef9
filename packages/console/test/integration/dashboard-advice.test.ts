import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cloneDatabase } from '@holdfast/testkit'
import express from 'express'
import { holdfast } from 'holdfast'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { type AdviceAnswer, dashboard, type FindingDetail, type FindingList } from '../../src/index.ts'

const TOKEN = 'a-token-of-a-test-0123456789'

it('finds and applies advice on the database of the pool, with nothing configured', async () => {
  const database = await cloneDatabase({ name: 'dashboard' })
  onTestFinished(() => database.drop())
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  onTestFinished(() => pool.end())
  const hf = await holdfast({ pg: pool, service: 'visits' })
  onTestFinished(() => hf.stop())
  await pool.query('create table visit (id int primary key, visitor_id int not null, page text not null)')
  await pool.query(`insert into visit select n, n % 5000, 'page ' || n from generate_series(1, 60000) n`)
  await pool.query('analyze visit')
  for (let i = 0; i < 300; i++) await pool.query('select id, page from visit where visitor_id = $1', [i])

  const mounted = dashboard(hf, { auth: { kind: 'token', token: TOKEN } })
  onTestFinished(() => mounted.console.stop())
  const server = createServer(express().use('/holdfast', mounted))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const ask = async <T>(path: string, method = 'GET'): Promise<T> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/holdfast/api/${path}`
    return (await fetch(url, { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) })).json() as Promise<T>
  }

  expect(await ask<AdviceAnswer>('advise', 'POST')).toMatchObject({ findingCount: 1 })
  const { findings } = await ask<FindingList>('findings')
  expect(findings).toMatchObject([{ rule: 'pg/missing-index', state: 'open' }])
  // With what the pool has seen, by itself.
  const { finding } = await ask<FindingDetail>(`findings/${findings[0]!.id}`)
  expect(finding.evidence.trial?.note).toContain('parameters as seen')
  const applied = await ask<FindingDetail>(`findings/${findings[0]!.id}/apply`, 'POST')
  expect(applied.finding.state).toBe('applied')
})
