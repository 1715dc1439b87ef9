import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '@holdfast/testkit'
import compression from 'compression'
import express, { type Express, type RequestHandler } from 'express'
import { type Clock, type Logger, silentLogger, systemClock } from 'holdfast/core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type DashboardHandler, dashboard, type Problem } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'
import { sampleFinding } from './support/sample-finding.ts'

const TOKEN = 'a-token-of-the-tests'
const auth = { kind: 'token', token: TOKEN } as const
let assetsDir: string

beforeAll(async () => {
  assetsDir = await mkdtemp(join(tmpdir(), 'console-page-'))
  await mkdir(join(assetsDir, 'assets'))
  await writeFile(join(assetsDir, 'index.html'), '<!doctype html><script type="module" src="./assets/index-BX2f9aQ1.js"></script>')
  await writeFile(join(assetsDir, 'assets', 'index-BX2f9aQ1.js'), `export const filler = '${'x'.repeat(4000)}'`)
  await writeFile(join(assetsDir, 'assets', 'secret.key'), 'secret')
  await writeFile(join(assetsDir, 'favicon.svg'), '<svg/>')
})
afterAll(() => rm(assetsDir, { recursive: true }))

function makeDashboard(clock: Clock = systemClock): DashboardHandler {
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
  const handler = dashboard(new FakeService(clock), { auth, advisor, assetsDir, environment: 'development', clock })
  onTestFinished(() => handler.console.stop())
  return handler
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A proxy that adds a prefix which the application does not know, and rewrites the host. */
async function behindPrefix(target: string, prefix: string): Promise<string> {
  const proxy = createServer((incoming, outgoing) => {
    if (!incoming.url!.startsWith(`${prefix}/`)) {
      outgoing.writeHead(404).end('outside the prefix')
      return
    }
    const headers = { ...incoming.headers, host: new URL(target).host }
    const forwarded = httpRequest(target + incoming.url!.slice(prefix.length), { method: incoming.method!, headers }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    outgoing.on('close', () => forwarded.destroy())
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  return (await listen(proxy)) + prefix
}

interface Mounting {
  readonly name: string
  readonly path: string
  readonly before?: () => RequestHandler[]
  readonly prefix?: string
}
const MOUNTINGS: readonly Mounting[] = [
  { name: 'at a sub-path', path: '/holdfast' },
  { name: 'at a deep sub-path', path: '/internal/tools/holdfast' },
  { name: 'at the root', path: '/' },
  { name: 'after express.json()', path: '/holdfast', before: () => [express.json()] },
  { name: 'after compression()', path: '/holdfast', before: () => [compression({ threshold: 0 })] },
  { name: 'behind a proxy prefix', path: '/holdfast', prefix: '/team-a' },
  {
    name: 'behind all of them',
    path: '/holdfast',
    before: () => [compression({ threshold: 0 }), express.json(), express.urlencoded()],
    prefix: '/team-a',
  },
]

describe.each(MOUNTINGS)('dashboard $name', ({ path, before, prefix }) => {
  /** The mount as the browser sees it, with a slash at its end. */
  const mount = async (clock?: Clock): Promise<string> => {
    const app: Express = express()
    for (const handler of before?.() ?? []) app.use(handler)
    app.use(path, makeDashboard(clock))
    const origin = await listen(createServer(app))
    return (prefix === undefined ? origin : await behindPrefix(origin, prefix)) + (path === '/' ? '/' : `${path}/`)
  }

  /** Follows redirects as a browser does, with a cookie that is only sent below the directory that set it. */
  const browse = async (start: string): Promise<{ url: string; page: string; cookie: string }> => {
    let url = start
    let cookie = ''
    let cookiePath = '/'
    for (let hop = 0; hop < 5; hop++) {
      const { pathname } = new URL(url)
      const response = await fetch(url, { redirect: 'manual', headers: pathname.startsWith(cookiePath) ? { cookie } : {} })
      const set = response.headers.getSetCookie()[0]
      if (set !== undefined) {
        cookie = set.split(';')[0]!
        cookiePath = pathname.slice(0, pathname.lastIndexOf('/')) || '/'
      }
      const location = response.headers.get('location')
      if (location === null) return { url, page: await response.text(), cookie }
      url = new URL(location, url).href
    }
    throw new Error(`redirected without end from ${start}`)
  }

  it('opens its page and its assets from the token URL, with and without the slash', async () => {
    const base = await mount()
    for (const start of [`${base}?t=${TOKEN}`, ...(path === '/' ? [] : [`${base.slice(0, -1)}?t=${TOKEN}`])]) {
      const { url, page, cookie } = await browse(start)
      expect(url).toBe(base)
      const script = new URL(/src="([^"]+)"/.exec(page)![1]!, url)
      const asset = await fetch(script, { headers: { cookie } })
      expect([asset.status, asset.headers.get('cache-control')]).toEqual([200, 'private, max-age=31536000, immutable'])
      expect(await asset.text()).toContain('export const filler')
    }
  })

  it('opens a deep link from the token URL', async () => {
    const base = await mount()
    const { url, page, cookie } = await browse(`${base}findings/I-3fa9?t=${TOKEN}`)
    expect([url, page]).toEqual([`${base}findings/I-3fa9`, expect.stringContaining('<!doctype html>')])
    expect((await fetch(`${base}api/overview`, { headers: { cookie } })).status).toBe(200)
  })

  it('takes JSON', async () => {
    const base = await mount()
    const { cookie } = await browse(`${base}?t=${TOKEN}`)
    const headers = { cookie, 'content-type': 'application/json', 'x-holdfast-csrf': '1', 'sec-fetch-site': 'same-origin' }
    const applied = await fetch(`${base}api/findings/I-3fa9/apply`, { method: 'POST', headers, body: JSON.stringify({ confirmation: 'I-3fa9' }) })
    expect([applied.status, ((await applied.json()) as { schema: string }).schema]).toEqual([200, 'holdfast.finding/1'])
    const event = await fetch(`${base}api/events`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ atMs: Date.now(), kind: 'deploy', text: 'deploy 41' }),
    })
    expect(event.status).toBe(204)
  })

  // The clock stands, so nothing follows that could push a held-back update out of a buffer.
  it('sends the first live update at once, and each one after it', async () => {
    const clock = fakeClock()
    const base = await mount(clock)
    const response = await fetch(`${base}api/live`, { headers: { authorization: `Bearer ${TOKEN}`, 'accept-encoding': 'gzip' } })
    const reader = response.body!.getReader()
    const read = async (): Promise<string> => Buffer.from((await reader.read()).value!).toString()
    expect(await read()).toContain('event: overview')
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(response.headers.get('content-encoding')).toBeNull()
    clock.advance(1000)
    expect(await read()).toContain(`id: ${clock.nowMs()}`)
    await reader.cancel()
  })
})

describe('dashboard', () => {
  it.each([undefined, auth])('refuses production without real auth (HF_CONSOLE_AUTH_REQUIRED, case %#)', given => {
    const options = { environment: 'production' as const, ...(given ? { auth: given } : {}) }
    expect(() => dashboard(new FakeService(systemClock), options)).toThrowError(expect.objectContaining({ code: 'HF_CONSOLE_AUTH_REQUIRED' }))
  })

  it('accepts production with real auth', async () => {
    const handler = dashboard(new FakeService(systemClock), { environment: 'production', auth: { kind: 'custom', verify: async () => 'view' } })
    await handler.console.stop()
  })

  it('tells the logger the token that it made', async () => {
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, info: (_fields, message) => lines.push(message) }
    const handler = dashboard(new FakeService(systemClock), { environment: 'development', logger })
    onTestFinished(() => handler.console.stop())
    const token = /\?t=([\w-]{32})$/.exec(lines[0]!)![1]!
    const origin = await listen(createServer(express().use('/holdfast', handler)))
    expect((await fetch(`${origin}/holdfast/api/health`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  })

  it('answers nobody from another machine while a token is its only protection (HF_CONSOLE_HOST)', async () => {
    const app = express().use((request, _response, next) => {
      Object.defineProperty(request.socket, 'remoteAddress', { value: '192.168.1.7' })
      next()
    })
    const origin = await listen(createServer(app.use('/holdfast', makeDashboard())))
    const response = await fetch(`${origin}/holdfast/api/health`, { headers: { authorization: `Bearer ${TOKEN}`, 'x-forwarded-for': '127.0.0.1' } })
    expect([response.status, ((await response.json()) as Problem).code]).toEqual([403, 'HF_CONSOLE_HOST'])
  })

  it('serves only files of the page', async () => {
    const origin = await listen(createServer(express().use('/holdfast', makeDashboard())))
    const ask = (path: string) => fetch(`${origin}/holdfast/${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect((await ask('favicon.svg')).headers.get('content-type')).toBe('image/svg+xml')
    expect((await ask('')).headers.get('cache-control')).toBe('no-store')
    for (const path of ['assets/secret.key', 'assets/missing.js', 'assets/..%2findex.html', '..%2fpackage.json'])
      expect((await ask(path)).status).toBe(404)
  })

  it('forgets a page that left, so that its place is free', async () => {
    const handler = makeDashboard()
    const origin = await listen(createServer(express().use('/holdfast', handler)))
    for (let round = 0; round < 120; round++) {
      const controller = new AbortController()
      const response = await fetch(`${origin}/holdfast/api/live`, { headers: { authorization: `Bearer ${TOKEN}` }, signal: controller.signal })
      expect(response.status).toBe(200)
      controller.abort()
    }
  })
})
