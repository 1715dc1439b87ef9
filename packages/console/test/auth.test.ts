import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { type Console, type ConsoleAuth, createConsole, type Problem, type Role } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'
import { sampleFinding } from './support/sample-finding.ts'

const TOKEN = 'a-token-of-the-tests'
const ORIGIN = 'http://127.0.0.1:4747'
const ROLE_OF: ConsoleAuth = { kind: 'custom', verify: async request => (request.headers.get('x-role') ?? undefined) as Role | undefined }

function open(auth: ConsoleAuth = { kind: 'token', token: TOKEN }, environment: 'development' | 'production' = 'development'): Console {
  const clock = fakeClock()
  const answer = async () => sampleFinding()
  const advisor = {
    findings: async () => [sampleFinding()],
    finding: answer,
    apply: answer,
    verify: answer,
    revert: answer,
    snooze: answer,
    advise: async () => ({ findings: [], examinedCount: 0, refused: [], notes: [] }),
  }
  return createConsole({ sources: [new FakeService(clock)], clock, auth, advisor, environment })
}

async function ask(
  console: Console,
  path: string,
  init: RequestInit = {},
  origin = ORIGIN,
): Promise<{ status: number; code?: string; hint?: string; headers: Headers; text: string }> {
  const response = await console.fetch(new Request(`${origin}${path}`, init))
  const headers = response.headers
  if (headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body!.cancel()
    return { status: response.status, headers, text: '' }
  }
  const text = await response.text()
  if (headers.get('content-type') !== 'application/problem+json') return { status: response.status, headers, text }
  const { code, hint } = JSON.parse(text) as Problem
  return { status: response.status, code, hint, headers, text }
}

/** The cookie that the page gets for its token. */
async function cookieOf(console: Console, origin = ORIGIN): Promise<string> {
  const { headers } = await ask(console, `/?t=${TOKEN}`, {}, origin)
  return headers.getSetCookie()[0]!.split(';')[0]!
}

const READS = [
  '/api/overview',
  '/api/live',
  '/api/health',
  '/api/findings',
  '/api/findings/I-3fa9',
  '/',
  '/findings',
  '/findings/I-3fa9',
  '/assets/index.js',
  '/favicon.svg',
]

describe('token', () => {
  it.each(READS)('refuses %s with HF_CONSOLE_UNAUTHORIZED without it, and says how to get in', async path => {
    const console = open()
    for (const headers of [
      {},
      { authorization: `Bearer ${TOKEN}x` },
      { authorization: 'Bearer ' },
      { cookie: `holdfast_00000000=${TOKEN}` },
    ] as HeadersInit[]) {
      const answer = await ask(console, path, { headers })
      expect(answer).toMatchObject({ status: 401, code: 'HF_CONSOLE_UNAUTHORIZED' })
      expect(answer.hint).toContain('?t=')
    }
  })

  it.each(['/api/overview', '/api/live', '/api/health', '/api/findings', '/api/findings/I-3fa9', '/'])(
    'opens %s as a bearer token and as the cookie it was exchanged for',
    async path => {
      const console = open()
      expect((await ask(console, path, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200)
      expect((await ask(console, path, { headers: { cookie: await cookieOf(console) } })).status).toBe(200)
    },
  )

  it('leaves the address bar by a redirect, and stays out of the cookie', async () => {
    const { status, headers } = await ask(open(), `/?window=300&t=${TOKEN}`)
    expect([status, headers.get('location'), headers.get('referrer-policy')]).toEqual([303, './?window=300', 'no-referrer'])
    const cookie = headers.getSetCookie()[0]!
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(TOKEN)
    expect(cookie).not.toContain('Path=')
  })

  it('comes back to a deep link by way of the root, where the cookie has to be set', async () => {
    const console = open()
    const first = await ask(console, `/findings/I-3fa9?t=${TOKEN}`)
    expect([first.status, first.headers.getSetCookie()]).toEqual([303, []])
    const root = new URL(first.headers.get('location')!, `${ORIGIN}/findings/I-3fa9`)
    const second = await ask(console, root.pathname + root.search)
    expect([second.headers.get('location'), second.headers.getSetCookie().length]).toEqual(['./findings/I-3fa9', 1])
  })

  it.each(['//evil.example', 'https://evil.example', '../../etc', 'findings/../../x'])('does not redirect to %s', async to => {
    const { headers } = await ask(open(), `/?t=${TOKEN}&to=${encodeURIComponent(to)}`)
    expect(headers.get('location')).toBe('./')
  })

  it('gives words to a browser that comes without it', async () => {
    const { status, text, headers } = await ask(open(), '/', { headers: { accept: 'text/html' } })
    expect([status, headers.get('content-type')]).toEqual([401, 'text/plain; charset=utf-8'])
    expect(text).toContain('?t=')
  })

  it('gives two consoles on one host cookies of different names', async () => {
    const [a, b] = [await cookieOf(open()), await cookieOf(open(), 'http://127.0.0.1:4748')]
    expect(a.split('=')[0]).not.toBe(b.split('=')[0])
  })

  it.each(['http://evil.example', 'http://127.0.0.1.evil.example:4747', 'http://192.168.1.7:4747'])(
    'is not accepted under the host of %s (HF_CONSOLE_HOST)',
    async origin => {
      for (const path of ['/', '/api/overview', '/assets/index.js', `/?t=${TOKEN}`]) {
        const answer = await ask(open(), path, { headers: { authorization: `Bearer ${TOKEN}` } }, origin)
        expect(answer).toMatchObject({ status: 403, code: 'HF_CONSOLE_HOST' })
      }
    },
  )

  it.each(['http://localhost:4747', 'http://[::1]:4747'])('is accepted under %s', async origin => {
    expect((await ask(open(), '/api/overview', { headers: { authorization: `Bearer ${TOKEN}` } }, origin)).status).toBe(200)
  })
})

describe('roles', () => {
  const post = { method: 'POST', headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' }, body: '{}' }
  const as = (role: string): RequestInit => ({ ...post, headers: { ...post.headers, 'x-role': role } })
  const event = JSON.stringify({ atMs: 1, kind: 'deploy', text: 'deploy 41' })

  it.each([
    { role: 'view', status: 403 },
    { role: 'operate', status: 200 },
    { role: 'admin', status: 200 },
    { role: 'king', status: 401 },
  ])('answers $status when $role applies a finding', async ({ role, status }) => {
    const answer = await ask(open(ROLE_OF), '/api/findings/I-3fa9/apply', as(role))
    expect(answer.status).toBe(status)
    if (status === 403) expect(answer.code).toBe('HF_CONSOLE_FORBIDDEN')
  })

  it('lets view read but not publish', async () => {
    const console = open(ROLE_OF)
    expect((await ask(console, '/api/overview', { headers: { 'x-role': 'view' } })).status).toBe(200)
    expect((await ask(console, '/api/events', { ...as('view'), body: event })).code).toBe('HF_CONSOLE_FORBIDDEN')
    expect((await ask(console, '/api/load', { ...as('view'), body: 'null' })).code).toBe('HF_CONSOLE_FORBIDDEN')
    expect((await ask(console, '/api/events', { ...as('operate'), body: event })).status).toBe(204)
  })

  it('shows view no actions', async () => {
    const actionsOf = async (role: string) =>
      JSON.parse((await ask(open(ROLE_OF), '/api/findings/I-3fa9', { headers: { 'x-role': role } })).text).actions
    expect(await actionsOf('view')).toEqual([])
    expect(await actionsOf('operate')).toEqual(['apply', 'snooze'])
  })

  it('treats a verify that rejects as nobody, and lets the browser ask for basic credentials', async () => {
    const failing = open({ kind: 'basic', verify: () => Promise.reject(new Error('directory away')) })
    const { status, headers } = await ask(failing, '/api/overview')
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Holdfast"'])
  })
})

describe('cross-site requests', () => {
  const good = { 'content-type': 'application/json', 'x-holdfast-csrf': '1' }
  const apply = async (headers: Record<string, string>): Promise<{ status: number; code?: string }> => {
    const console = open()
    return ask(console, '/api/findings/I-3fa9/apply', { method: 'POST', body: '{}', headers: { cookie: await cookieOf(console), ...headers } })
  }

  it.each([
    { why: 'without the header', headers: { 'content-type': 'application/json' } },
    { why: 'as a form', headers: { ...good, 'content-type': 'application/x-www-form-urlencoded' } },
    { why: 'as plain text', headers: { ...good, 'content-type': 'text/plain; a=application/json' } },
    { why: 'from another site', headers: { ...good, 'sec-fetch-site': 'cross-site' } },
    { why: 'from another port', headers: { ...good, 'sec-fetch-site': 'same-site' } },
    { why: 'from another origin by an old browser', headers: { ...good, origin: 'http://127.0.0.1:9999' } },
    { why: 'from an opaque origin', headers: { ...good, origin: 'null' } },
  ])('are refused with HF_CONSOLE_CSRF $why', async ({ headers }) => {
    expect(await apply(headers)).toMatchObject({ status: 403, code: 'HF_CONSOLE_CSRF' })
  })

  it.each([
    { why: 'of the page', headers: { ...good, 'sec-fetch-site': 'same-origin', origin: ORIGIN } },
    {
      why: 'of the page behind a proxy that rewrites the host',
      headers: { ...good, 'sec-fetch-site': 'same-origin', origin: 'https://ops.example' },
    },
    { why: 'of an old browser', headers: { ...good, origin: ORIGIN } },
    { why: 'of a tool with a bearer token', headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` } },
  ])('are no concern for a request $why', async ({ headers }) => {
    expect((await apply(headers)).status).toBe(200)
  })
})

describe('answers', () => {
  it.each(['/', '/api/overview', '/api/live', '/nowhere.svg', '/api/nowhere'])('protect the page in the browser at %s', async path => {
    const { headers } = await ask(open(), path, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })

  it.each(['/api/nowhere', '/api/findings/I-1/destroy', '/assets/..%2f..%2fpackage.json', '/assets/%2e%2e%2findex.html', '/missing.js'])(
    'say HF_CONSOLE_NOT_FOUND for %s',
    async path => {
      const answer = await ask(open(), path, { headers: { authorization: `Bearer ${TOKEN}` } })
      expect(answer).toMatchObject({ status: 404, code: 'HF_CONSOLE_NOT_FOUND' })
    },
  )

  it.each([
    ['DELETE', '/api/overview', 'GET, HEAD'],
    ['GET', '/api/v1/performance/database/analyze-query', 'POST'],
    ['PUT', '/api/v1/performance/database/archive', 'GET, POST, HEAD'],
    ['PATCH', '/api/v1/performance/database/table-stats/public.lead', 'GET, HEAD'],
    ['GET', '/api/findings/I-1/apply', 'POST'],
  ])('say HF_CONSOLE_METHOD for %s %s, and what is allowed', async (method, path, allowed) => {
    const answer = await ask(open(), path, { method, headers: { authorization: `Bearer ${TOKEN}` } })
    expect(answer).toMatchObject({ status: 405, code: 'HF_CONSOLE_METHOD' })
    expect(answer.headers.get('allow')).toBe(allowed)
  })

  it('say what is wrong with the options, all at once', () => {
    const bad = { sources: [], auth: { kind: 'token', token: 'short' }, objectives: { p95Ms: 0 }, colour: 'red' } as unknown as Parameters<
      typeof createConsole
    >[0]
    expect(() => createConsole(bad)).toThrowError(/colour.*sources.*auth\.token.*objectives\.p95Ms/s)
  })
})
