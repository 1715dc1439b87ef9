import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from 'holdfast/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Console, type ConsoleAuth, createConsole, type Problem, remoteInstance, type ServedConsole, serveConsole } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'

const TOKEN = 'a-token-of-the-tests'

function open(auth: ConsoleAuth = { kind: 'token', token: TOKEN }): Console {
  return createConsole({ sources: [new FakeService(systemClock)], auth, assetsDir: '/nonexistent' })
}

async function serve(console: Console = open()): Promise<ServedConsole> {
  const served = await serveConsole(console)
  onTestFinished(() => served.stop())
  return served
}

/** Serves `answer` on a free port. */
async function listen(answer: (authorization: string | undefined) => { status: number; body: string }): Promise<string> {
  const server = createServer((request, response) => {
    const { status, body } = answer(request.headers.authorization)
    response.writeHead(status).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/holdfast-instance`
}

describe('serveConsole', () => {
  it('prints a URL that opens the page and leaves a cookie that opens the rest', async () => {
    const { url, port } = await serve()
    expect(url).toBe(`http://127.0.0.1:${port}/?t=${TOKEN}`)
    const exchange = await fetch(url, { redirect: 'manual' })
    const cookie = exchange.headers.getSetCookie()[0]!.split(';')[0]!
    const clean = new URL(exchange.headers.get('location')!, url)
    expect(clean.href).toBe(`http://127.0.0.1:${port}/`)
    const page = await fetch(clean, { headers: { cookie } })
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('npm run build')])
    const overview = await fetch(new URL('api/overview', clean), { headers: { cookie } })
    expect(await overview.json()).toMatchObject({ schema: 'holdfast.overview/1', service: 'leads', instances: [{ state: 'up' }] })
  })

  it('sends the first live update with the headers', async () => {
    const { port } = await serve()
    const response = await fetch(`http://127.0.0.1:${port}/api/live`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const { value } = await response.body!.getReader().read()
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(Buffer.from(value!).toString()).toMatch(/^retry: 1000\n\nevent: overview\nid: \d+\ndata: \{"schema":"holdfast.overview\/1"/)
    await response.body!.cancel().catch(() => undefined)
  })

  it('ends with pages still connected', async () => {
    const { port, stop } = await serve()
    const response = await fetch(`http://127.0.0.1:${port}/api/live`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const reader = response.body!.getReader()
    await reader.read()
    await Promise.all([stop(), stop()])
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })

  it.each(['0.0.0.0', '::', '192.168.1.7', 'ops.example'])('refuses to listen on %s with a token alone (HF_CONSOLE_OPEN_BIND)', async host => {
    await expect(serveConsole(open(), { host })).rejects.toMatchObject({ code: 'HF_CONSOLE_OPEN_BIND' })
  })

  it('listens beyond loopback when real auth is configured', async () => {
    const served = await serveConsole(open({ kind: 'custom', verify: async () => 'view' }), { host: '0.0.0.0' })
    onTestFinished(() => served.stop())
    expect(served.url).not.toContain('?t=')
    expect((await fetch(`http://127.0.0.1:${served.port}/api/health`)).status).toBe(200)
  })

  it('says HF_CONSOLE_PORT_TAKEN with the port', async () => {
    const { port } = await serve()
    await expect(serveConsole(open(), { port })).rejects.toMatchObject({
      code: 'HF_CONSOLE_PORT_TAKEN',
      message: expect.stringContaining(String(port)),
    })
  })

  it('is not fooled into another host by the request target', async () => {
    const { port } = await serve()
    const { request } = await import('node:http')
    const statusOf = (path: string, headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path, headers: { authorization: `Bearer ${TOKEN}`, ...headers } }, answer => {
          answer.resume()
          resolve(answer.statusCode!)
        })
        sent.on('error', reject).end()
      })
    expect(await statusOf('/api/overview', {})).toBe(200)
    expect(await statusOf('/api/overview', { host: 'evil.example' })).toBe(403)
    expect(await statusOf('/api/overview', { host: 'evil.example:80@127.0.0.1' })).not.toBe(200)
    expect(await statusOf('//evil.example/api/overview', {})).toBe(404)
    expect(await statusOf('http://evil.example/api/overview', {})).not.toBe(500)
  })
})

describe('remoteInstance', () => {
  const read = async (url: string) => remoteInstance(url, 'instance-token').read(AbortSignal.timeout(2000))

  it('reads the measurements with its token', async () => {
    const service = new FakeService(systemClock)
    service.request({ ms: 10 })
    const url = await listen(authorization =>
      authorization === 'Bearer instance-token' ? { status: 200, body: JSON.stringify(service.snapshot()) } : { status: 401, body: '' },
    )
    expect(remoteInstance(url, 'instance-token').id).toBe(new URL(url).host)
    expect(await read(url)).toEqual({ ...service.snapshot(), atMs: expect.any(Number) })
  })

  it.each([
    { status: 401, body: '', why: 'shows no measurements (401)' },
    { status: 200, body: '<html>', why: 'not a holdfast.instance/1 snapshot' },
    { status: 200, body: 'null', why: 'not a holdfast.instance/1 snapshot' },
    { status: 200, body: '{"schema":"holdfast.instance/2"}', why: 'not a holdfast.instance/1 snapshot' },
    { status: 200, body: '{"schema":"holdfast.instance/1","service":"leads"}', why: 'not a holdfast.instance/1 snapshot' },
    { status: 200, body: 'x'.repeat(17 * 1024 * 1024), why: 'more than 16777216 bytes' },
  ])('rejects with HF_CONSOLE_SOURCE: $why', async ({ status, body, why }) => {
    const url = await listen(() => ({ status, body }))
    await expect(read(url)).rejects.toMatchObject({ code: 'HF_CONSOLE_SOURCE', message: expect.stringContaining(why) })
  })

  it('names the reason when nobody listens', async () => {
    const { port, stop } = await serve()
    await stop()
    await expect(read(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      code: 'HF_CONSOLE_SOURCE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })
})

it('answers problems as problem+json without a stack', async () => {
  const { port } = await serve()
  const response = await fetch(`http://127.0.0.1:${port}/api/nowhere`, { headers: { authorization: `Bearer ${TOKEN}` } })
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = (await response.json()) as Problem
  expect(problem).toEqual({
    type: 'urn:holdfast:error:HF_CONSOLE_NOT_FOUND',
    title: 'There is nothing at this address.',
    status: 404,
    code: 'HF_CONSOLE_NOT_FOUND',
    detail: 'there is no GET /api/nowhere',
    hint: 'the addresses are listed in docs/guides/console.md',
  })
})
