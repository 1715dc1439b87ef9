import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FRAMEWORKS, type Framework, type Handler, openSite, type Site, type SiteOptions } from './sites.ts'

const sites: Site[] = []
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close()
})

const A = { cookie: 'session=a' }
const B = { cookie: 'session=b' }
/** Says who asked, by everything that could tell. */
const personal =
  (headers: Record<string, string>): Handler =>
  ({ headers: asked }) => ({ headers, body: `for ${asked.cookie ?? asked.authorization ?? asked['x-user'] ?? 'nobody'}` })

/** One request written by hand, as no client would send it; the whole answer as text. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', data => {
      got += data.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(got))
  })
}

describe.each(Object.keys(FRAMEWORKS) as Framework[])('%s, as it comes', framework => {
  const open = async (handler: Handler, options: SiteOptions = {}): Promise<Site> => {
    const site = await openSite(framework, options)
    site.handler = handler
    sites.push(site)
    return site
  }

  it('gives nobody what was made for somebody: cookies, Authorization, private, Set-Cookie, Vary', async () => {
    const cases: [name: string, handler: Handler, a: Record<string, string>, b: Record<string, string>][] = [
      ['a cookie', personal({ 'cache-control': 'max-age=60' }), A, B],
      ['a cookie against none', personal({ 'cache-control': 'max-age=60' }), A, {}],
      ['Authorization', personal({ 'cache-control': 'max-age=60, must-revalidate' }), { authorization: 'Bearer a' }, { authorization: 'Bearer b' }],
      ['private', personal({ 'cache-control': 'private, max-age=60' }), A, B],
      ['malformed private', personal({ 'cache-control': 'max-age=60,, private =x' }), A, B],
      ['no-store in an odd place', personal({ 'cache-control': 'public, max-age=60; no-store' }), A, B],
      ['Set-Cookie', personal({ 'cache-control': 'max-age=60', 'set-cookie': 'session=a' }), { 'x-user': 'a' }, { 'x-user': 'b' }],
      ['Vary: Cookie', personal({ 'cache-control': 'public, max-age=60', vary: 'Cookie' }), A, B],
      ['Vary by a field of its own', personal({ 'cache-control': 'public, max-age=60', vary: 'x-user' }), { 'x-user': 'a' }, { 'x-user': 'b' }],
      ['Vary: *', personal({ 'cache-control': 'public, max-age=60', vary: '*' }), A, B],
      ['Vary: * in a list', personal({ 'cache-control': 'public, max-age=60', vary: 'accept, *' }), A, B],
    ]
    for (const [name, handler, a, b] of cases) {
      const site = await open(handler)
      const first = await site.ask('/a', a)
      const second = await site.ask('/a', b)
      expect([name, first.text === second.text, second.cache]).toEqual([name, false, 'MISS'])
    }
  })

  it('gives a Set-Cookie to whom it was made for, and to nobody else, also on an answer that is public', async () => {
    const site = await open(() => ({ headers: { 'cache-control': 'public, max-age=60', 'set-cookie': 'session=a' }, body: 'page' }))
    expect((await site.ask('/a')).headers['set-cookie']?.toString()).toBe('session=a')
    expect((await site.ask('/a')).headers['set-cookie']).toBe(undefined)
  })

  it('keeps hosts apart, and lets no request fill another host', async () => {
    const site = await open(({ headers }) => ({ headers: { 'cache-control': 'public, max-age=60' }, body: `host ${headers.host}` }))
    for (const host of ['a.test', 'b.test', 'a.test:8080']) expect((await site.ask('/a', { host })).text).toBe(`host ${host}`)
    const attacks = [
      'GET http://victim.test/p HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n',
      'GET //victim.test/p HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n',
      'GET /p HTTP/1.1\r\nHost: evil.test\r\nHost: victim.test\r\nConnection: close\r\n\r\n',
      'GET /p HTTP/1.1\r\nHost: victim.test/x\r\nConnection: close\r\n\r\n',
      'GET /p HTTP/1.1\r\nHost: x@victim.test\r\nConnection: close\r\n\r\n',
    ]
    for (const attack of attacks) await raw(site.port, attack)
    expect((await site.ask('/p', { host: 'victim.test' })).text).toBe('host victim.test')
  })

  it('is not poisoned by forwarding fields, and answers them from the cache', async () => {
    // The gateway sets the last two itself.
    const own = framework === 'lambda' ? [] : ['x-forwarded-proto', 'x-forwarded-port']
    const names = ['x-forwarded-host', 'x-forwarded-scheme', 'x-forwarded-prefix', 'forwarded', 'x-host', ...own]
    const site = await open(({ headers }) => ({
      headers: { 'cache-control': 'public, max-age=60' },
      body: `links to ${names.map(name => headers[name] ?? '').join('')}`,
    }))
    for (const name of names) {
      const path = `/${name}`
      expect((await site.ask(path, { [name]: 'evil.test' })).text).toBe('links to evil.test')
      expect((await site.ask(path)).text).toBe('links to ')
      expect(await site.ask(path, { [name]: 'evil.test' })).toMatchObject({ text: 'links to ', cache: 'HIT' })
    }
  })

  it('goes around the cache for requests that mean another one: overrides, bodies, upgrades', async () => {
    const site = await open(({ headers, method }) => ({
      headers: { 'cache-control': 'public, max-age=60' },
      body: `${method} ${headers['x-http-method-override'] ?? headers['x-original-url'] ?? headers['x-rewrite-url'] ?? headers['content-length'] ?? 'plain'}`,
    }))
    const odd: [Record<string, string>, string?][] = [
      [{ 'x-http-method-override': 'DELETE' }],
      [{ 'x-original-url': '/admin' }],
      [{ 'x-rewrite-url': '/admin' }],
      [{ 'content-length': '3', 'content-type': 'text/plain' }, 'fat'],
    ]
    for (const [headers, body] of odd) {
      const answer = await site.ask('/a', headers, 'GET', body)
      expect(answer.cache, JSON.stringify(headers)).toBe(undefined)
      expect((await site.ask('/a')).text).toBe('GET plain')
    }
  })

  it('keeps paths and queries apart as the handler sees them', async () => {
    const make: Handler = ({ path }) => ({ headers: { 'cache-control': 'public, max-age=60' }, body: path })
    const cached = await open(make)
    const bare = await open(make, { cache: false })
    const paths = [
      '/b',
      '/a/../b',
      '/./b',
      '//b',
      '/%62',
      '/B',
      '/b/',
      '/b;x',
      '/b%2f',
      '/b%3Fx',
      '/b%00',
      '/%2e%2e/b',
      '/b?',
      '/b?x',
      '/b?x=1&x=2',
      '/b?x=2&x=1',
      '/b#x',
    ]
    for (let round = 0; round < 2; round++) for (const path of paths) expect((await cached.ask(path)).text, path).toBe((await bare.ask(path)).text)
  })

  it('does not mix up queries that only look alike', async () => {
    let calls = 0
    const site = await open(() => ({ headers: { 'cache-control': 'public, max-age=60' }, body: `call ${++calls}` }))
    const different = ['/a?x=1&x=2', '/a?x=2&x=1', '/a?x=1', '/a?X=1', '/a?x=1&y', '/a?x=1%26y', '/a?x=1;y', '/a?token=1', '/a?token=2']
    const texts = new Set<string>()
    for (const path of different) texts.add((await site.ask(path)).text)
    expect(texts.size).toBe(different.length)
    expect((await site.ask('/a?y&x=1')).text).toBe((await site.ask('/a?x=1&y')).text)
  })

  it('lets no request through that could be read as two', async () => {
    const site = await open(() => ({ headers: { 'cache-control': 'public, max-age=60' }, body: 'page' }))
    const smuggled = [
      'GET /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n',
      'GET /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello',
      'GET /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\n\r\n',
    ]
    for (const text of smuggled) {
      await raw(site.port, text.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      expect(site.seen.some(({ path }) => path === '/admin')).toBe(false)
    }
  })

  it('stores no error of a handler, nothing that breaks off, and nothing shorter than it says', async () => {
    const broken: Handler[] = [
      () => {
        throw new Error('no database')
      },
      () => ({ headers: { 'cache-control': 'public, max-age=60' }, chunks: breaking() }),
      () => ({ headers: { 'cache-control': 'public, max-age=60', 'content-length': '100' }, chunks: once('short') }),
    ]
    for (const handler of broken) {
      const site = await open(handler)
      await Promise.race([site.ask('/a').catch(() => undefined), settled()])
      site.handler = () => ({ body: 'whole' })
      expect((await site.ask('/a')).text).toBe('whole')
    }
  })

  it('lets a handler that hangs, or a client that leaves, hold up nobody else', async () => {
    let release!: () => void
    const hung = new Promise<void>(resolve => {
      release = resolve
    })
    const site = await open(async ({ path }) => {
      if (path === '/hung') await hung
      return { headers: { 'cache-control': 'public, max-age=60' }, body: path }
    })
    const leaving = connect(site.port, '127.0.0.1', () => leaving.write('GET /hung HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'))
    await expect.poll(() => site.seen.length).toBe(1)
    leaving.destroy()
    const waiting = site.ask('/hung', { host: '127.0.0.1' })
    for (let i = 0; i < 5; i++) expect((await site.ask(`/other${i}`)).text).toBe(`/other${i}`)
    release()
    expect((await waiting).text).toBe('/hung')
  })

  it('does not make those wait in a row whose answers nobody may share', async () => {
    let inside = 0
    let all!: () => void
    const together = new Promise<void>(resolve => {
      all = resolve
    })
    const site = await open(async () => {
      if (++inside === 11) all()
      if (inside > 1) await together
      return { headers: { 'cache-control': 'no-store' }, body: 'own' }
    })
    await site.ask('/a')
    const answers = await Promise.all(Array.from({ length: 10 }, () => site.ask('/a')))
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 10 }, () => 'own'))
  })

  it('lets a purge that comes while an answer is made win', async () => {
    let go!: () => void
    const going = new Promise<void>(resolve => {
      go = resolve
    })
    const site = await open(async () => {
      await going
      return { headers: { 'cache-control': 'public, max-age=60' }, body: 'old' }
    })
    const slow = site.ask('/a', { host: 'a.test' })
    await expect.poll(() => site.seen.length).toBe(1)
    await site.responses.purge(`${framework === 'lambda' ? 'https' : 'http'}://a.test/a`)
    go()
    expect((await slow).text).toBe('old')
    site.handler = () => ({ headers: { 'cache-control': 'public, max-age=60' }, body: 'new' })
    expect((await site.ask('/a', { host: 'a.test' })).text).toBe('new')
  })

  it('sends what something before it sets with each answer, and does not keep it for others', async () => {
    const before = ({ headers }: { headers: Record<string, string | string[] | undefined> }) => ({
      'x-request-id': String(headers['x-id'] ?? 'none'),
    })
    const site = await open(() => ({ headers: { 'cache-control': 'public, max-age=60' }, body: 'page' }), { before })
    for (const id of ['1', '2', '3']) expect((await site.ask('/a', { 'x-id': id })).headers['x-request-id']).toBe(id)
    expect(site.seen.length).toBe(1)
  })
})

async function* breaking(): AsyncGenerator<string> {
  yield 'half'
  throw new Error('broken off')
}

async function* once(text: string): AsyncGenerator<string> {
  yield text
}

/** Some turns of the event loop, in which what was to come of a request has come. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate)
}
