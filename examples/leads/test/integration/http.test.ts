import { request as send } from 'node:http'
import { brotliDecompressSync } from 'node:zlib'
import type { ClonedDatabase } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningService, runService } from './running-service.ts'
import { seededDatabase } from './seeded-database.ts'

// What the service does with HTTP in the mode `cache`, over real sockets: `fetch` would decode bodies and hide fields.

let database: ClonedDatabase
let service: RunningService
let neighbour: RunningService

beforeAll(async () => {
  database = await seededDatabase()
  const settings = { liveToken: 'token-of-a-client', cursorSecret: 'a secret of the test, long enough' }
  service = await runService(database.url, 'cache', 'leads-http', { ...settings, requestsPerMinute: 20 })
  neighbour = await runService(database.url, 'cache', 'leads-http', settings)
})
afterAll(async () => {
  await Promise.all([service, neighbour].map(running => running?.stop()))
  await database?.drop()
})

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | undefined>
  readonly bytes: Buffer
}

function ask(path: string, headers: Record<string, string> = {}, from = service): Promise<Answer> {
  return new Promise((resolve, reject) => {
    send(from.url + path, { headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode!, headers: response.headers as Answer['headers'], bytes: Buffer.concat(chunks) })
      })
    })
      .on('error', reject)
      .end()
  })
}

describe('answers', () => {
  it.each(['/leads', '/leads/1', '/agents/1/leads', '/v2/leads', '/dashboard', '/carriers'])('%s is kept, and says so', async path => {
    expect((await ask(path)).headers['cache-status']).toMatch(/^Holdfast; fwd=uri-miss; fwd-status=200; stored$/)
    const { headers } = await ask(path)
    expect([headers['x-cache'], headers.age]).toEqual(['HIT', expect.any(String)])
    expect(headers['cache-status']).toMatch(/^Holdfast; hit; ttl=\d+$/)
  })

  it('are confirmed by their tag: 304 without a body', async () => {
    const { headers } = await ask('/agents/2/leads')
    const known = await ask('/agents/2/leads', { 'if-none-match': headers.etag! })
    expect([known.status, known.bytes.byteLength, known.headers['x-cache']]).toEqual([304, 0, 'HIT'])
  })

  it('come from nobody else for a client with a cookie', async () => {
    for (let i = 0; i < 2; i++) expect((await ask('/leads/2', { cookie: 'session=a' })).headers['cache-status']).toContain('detail=cookie')
  })

  it('are not kept when they are errors', async () => {
    for (let i = 0; i < 2; i++) {
      const { status, headers } = await ask('/leads/999999')
      expect([status, headers['x-cache']]).toEqual([404, 'MISS'])
    }
  })

  it('lose more than 60 % by compression, kept or not', async () => {
    for (const [path, headers] of [
      ['/leads?limit=100', {}],
      ['/v2/leads?limit=100', {}],
      ['/leads?limit=99', { cookie: 'session=a' }],
    ] as const) {
      const plain = await ask(path, headers)
      const packed = await ask(path, { ...headers, 'accept-encoding': 'br' })
      expect([packed.headers['content-encoding'], packed.headers.vary?.toLowerCase()]).toEqual(['br', expect.stringContaining('accept-encoding')])
      expect(brotliDecompressSync(packed.bytes).equals(plain.bytes)).toBe(true)
      expect(packed.bytes.byteLength / plain.bytes.byteLength, path).toBeLessThan(0.4)
    }
  })

  it('are dropped in every process when an assignment commits', async () => {
    for (const from of [service, neighbour]) for (let i = 0; i < 2; i++) await ask('/agents/205/leads', {}, from)
    expect((await ask('/agents/205/leads', {}, neighbour)).headers['x-cache']).toBe('HIT')
    expect((await service.post('/assignments', { leadId: 4980, agentId: 205 })).status).toBe(201)
    expect(JSON.parse((await ask('/agents/205/leads')).bytes.toString()).leads[0].leadId).toBe(4980)
    await expect.poll(async () => JSON.parse((await ask('/agents/205/leads', {}, neighbour)).bytes.toString()).leads[0].leadId).toBe(4980)
  })
})

describe('GET /v2/leads', () => {
  const pageOf = async (path: string) => {
    const { status, headers, bytes } = await ask(path, {}, neighbour)
    return { status, link: headers.link ?? '', body: JSON.parse(bytes.toString()) }
  }

  it('is walked by its Link fields, forth and back, each lead once', async () => {
    const seen: number[] = []
    let path = '/v2/leads?fields=status&limit=20'
    let last = ''
    while (path !== '') {
      const { body, link } = await pageOf(path)
      seen.push(...body.leads.map(({ id }: { id: number }) => id))
      last = link
      path = /<([^>]+)>; rel="next"/.exec(link)?.[1] ?? ''
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(40)
    const back = await pageOf(/<([^>]+)>; rel="prev"/.exec(last)![1]!)
    expect(back.body.leads.map(({ id }: { id: number }) => id)).toEqual(seen.slice(20, 40))
  })

  it('has the fields that were asked for, one answer for all spellings', async () => {
    const { body } = await pageOf('/v2/leads?fields=zipCode,status&limit=5')
    expect(Object.keys(body.leads[0])).toEqual(['id', 'status', 'zipCode'])
    expect((await ask('/v2/leads?limit=5&fields=status,zipCode,status', {}, neighbour)).headers['x-cache']).toBe('HIT')
  })

  it.each([
    ['fields=password', 'HF_HTTP_FIELDS_INVALID'],
    ['fields=id;drop', 'query.fields'],
    ['cursor=1.1.AAAA.AAAA', 'HF_HTTP_CURSOR_INVALID'],
    ['limit=101', 'query.limit'],
  ])('refuses %s with a problem document', async (query, what) => {
    const { status, body } = await pageOf(`/v2/leads?${query}`)
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain(what)
  })

  it('takes no cursor of another list', async () => {
    const { body } = await pageOf('/v2/leads?limit=5')
    expect((await pageOf(`/v2/leads?limit=5&status=won&cursor=${body.next}`)).status).toBe(400)
  })
})

it('limits what one address may write, and says what is left', async () => {
  const answers: Answer[] = []
  while (answers.at(-1)?.status !== 429 && answers.length < 30) answers.push(await ask(`/v2/leads?limit=${answers.length + 1}`))
  expect(answers[0]!.headers['ratelimit-policy']).toBe('"leads";q=20;w=60')
  expect(answers[0]!.headers.ratelimit).toMatch(/^"leads";r=\d+;t=\d+$/)
  const { headers, bytes } = answers.at(-1)!
  expect([headers['content-type'], Number(headers['retry-after']) > 0]).toEqual(['application/problem+json', true])
  expect(JSON.parse(bytes.toString())).toMatchObject({ status: 429, code: 'HF_HTTP_RATE_LIMITED' })
  expect((await ask('/leads')).status).toBe(200)
})

describe('GET /agents/:id/live', () => {
  it('tells the holder of the token what another process has assigned, and nobody else', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) expect((await ask('/agents/206/live', headers)).status).toBe(403)
    const stream = await fetch(`${neighbour.url}/agents/206/live`, { headers: { authorization: 'Bearer token-of-a-client' } })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let got = (await reader.read()).value ?? ''
    const other = await runService(database.url, 'cache', 'leads-http')
    expect((await other.post('/assignments', { leadId: 4981, agentId: 206 })).status).toBe(201)
    await other.stop()
    while (!got.includes('invalidated')) got += (await reader.read()).value ?? ''
    expect(got).toContain('event: invalidated\ndata: {"tag":"agent:206"}')
    await reader.cancel()
  })

  it('is open to nobody where no token is set', async () => {
    const closed = await runService(database.url, 'cache')
    expect((await ask('/agents/1/live', { authorization: 'Bearer undefined' }, closed)).status).toBe(403)
    await closed.stop()
  })
})
