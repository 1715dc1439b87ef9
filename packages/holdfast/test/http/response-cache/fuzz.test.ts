import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { createResponseCache, type ResponseCacheOptions } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import { seededRandom } from '../../cache/seeded-random.ts'
import { ORIGIN } from './harness.ts'

function open(options: ResponseCacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const data = createTieredCache({ jitter: 0 }, { clock, registry })
  return { clock, data, responses: createResponseCache(options, { cache: data, registry, clock }) }
}

const DIRECTIVES = [
  ...[
    'public',
    'private',
    'no-store',
    'no-cache',
    'must-revalidate',
    'proxy-revalidate',
    'no-transform',
    'immutable',
    'max-age=10',
    'max-age=0',
    's-maxage=5',
  ],
  ...[
    'max-age="10"',
    'max-age=1.5',
    'max-age=-1',
    'max-age=99999999999999999999',
    'max-age = 5',
    'max-age',
    's-maxage=x',
    'stale-while-revalidate=20',
    'stale-if-error=20',
  ],
  ...['PUBLIC', 'Private', 'no-cache="set-cookie"', 'x="a, b"', 'x="unclosed', '=5', '"', ';', ',', '', 'ext=\\', 'no-store;', '\t'],
]
const DATES = [
  'Thu, 01 Jan 2026 00:00:10 GMT',
  'Thursday, 01-Jan-26 00:01:00 GMT',
  'Thu Jan  1 00:00:05 2026',
  '0',
  '-1',
  'tomorrow',
  'Thu, 99 Jan 2026 00:00:00 GMT',
]
const TAGS = ['"1"', '"2"', 'W/"1"', '1', '"', '*', '"1', 'W/', '"1;hf=br"', '"a,b"']
const CODINGS = ['gzip', 'br', 'gzip, br', '*', 'identity;q=0', 'gzip;q=9', ';;;', 'gzip;q=0, *', 'zstd', ',']
const RANGES = [
  'bytes=0-4',
  'bytes=-3',
  'bytes=5-2',
  'bytes=0-0,2-3',
  'bytes=99999999999-',
  'bytes=a-b',
  'items=0-1',
  'bytes=-',
  'bytes=-0',
  'bytes=',
]

/** One value or a few, joined. */
type Draw = (from: readonly string[], most?: number) => string

function drawing(random: () => number): { draw: Draw; chance(share: number): boolean } {
  const one = (from: readonly string[]): string => from[Math.floor(random() * from.length)]!
  return {
    draw: (from, most = 1) => Array.from({ length: 1 + Math.floor(random() * most) }, () => one(from)).join(', '),
    chance: share => random() < share,
  }
}

function set(headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value)
  } catch {
    // What the platform itself refuses never reaches us.
  }
}

function requestOf(random: () => number, user: string): Request {
  const { draw, chance } = drawing(random)
  const headers = new Headers({ cookie: `session=${user}` })
  if (chance(0.2)) set(headers, 'cache-control', draw([...DIRECTIVES, 'only-if-cached', 'max-stale', 'max-stale=5', 'min-fresh=3'], 3))
  if (chance(0.1)) set(headers, 'pragma', draw(['no-cache', 'x', 'no-cache, x']))
  if (chance(0.3)) set(headers, 'if-none-match', draw(TAGS, 3))
  if (chance(0.1)) set(headers, 'if-modified-since', draw(DATES))
  if (chance(0.2)) set(headers, 'range', draw(RANGES))
  if (chance(0.1)) set(headers, 'if-range', draw([...TAGS, ...DATES]))
  if (chance(0.5)) set(headers, 'accept-encoding', draw(CODINGS, 2))
  if (chance(0.1)) set(headers, draw(['x-forwarded-host', 'forwarded', 'x-http-method-override', 'x-original-url', 'authorization', 'if-match']), 'x')
  if (chance(0.3)) set(headers, 'x-vary', draw(['1', '2', '__proto__', 'constructor', ' 1', '"', ',']))
  const method = draw(['GET', 'GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE'])
  return new Request(`${ORIGIN}/${draw(['a', 'b', 'c?x=1', 'c?x=%', 'c?&&=', '%'])}`, { method, headers })
}

function headersOf(random: () => number): Headers {
  const { draw, chance } = drawing(random)
  const headers = new Headers()
  if (chance(0.9)) set(headers, 'cache-control', draw(DIRECTIVES, 4))
  if (chance(0.3)) set(headers, 'cache-control', draw(DIRECTIVES))
  if (chance(0.2)) set(headers, 'expires', draw(DATES))
  if (chance(0.2)) set(headers, 'date', draw(DATES))
  if (chance(0.2)) set(headers, 'age', draw(['0', '5', '-1', 'x', '99999999999', '1, 2']))
  if (chance(0.6)) set(headers, 'etag', draw(TAGS))
  if (chance(0.3)) set(headers, 'last-modified', draw(DATES))
  if (chance(0.4)) set(headers, 'vary', draw(['x-vary', 'accept-encoding', '*', '__proto__', 'constructor', 'cookie', '', ',', 'X-VARY'], 2))
  if (chance(0.1)) set(headers, 'set-cookie', 'x=1')
  if (chance(0.1)) set(headers, draw(['cache-tag', 'surrogate-key', 'cache-groups']), draw(['a', 'a b', '"a"', '"', ',,', '1']))
  if (chance(0.1)) set(headers, 'content-range', 'bytes 0-1/5')
  return headers
}

interface Made {
  readonly user: string
  readonly control: string
}

/** True when nothing in the answer allows another user to see it: neither word stands in its Cache-Control, or one that forbids does. */
function isPersonal({ control }: Made): boolean {
  const said = control.toLowerCase()
  return !/public|s-maxage/.test(said) || /private|no-store/.test(said)
}

function handlerOf(random: () => number, made: Made[]): (request: Request) => Response {
  const { draw, chance } = drawing(random)
  const filler = 'lorem ipsum '.repeat(120)
  return request => {
    if (chance(0.05)) return new Response('failed', { status: 503 })
    if (request.headers.has('if-none-match') && chance(0.5)) return new Response(null, { status: 304, headers: headersOf(random) })
    const headers = headersOf(random)
    made.push({ user: request.headers.get('cookie')!.slice(-1), control: headers.get('cache-control') ?? '' })
    const body = `#${made.length - 1}# ${filler}`
    return new Response(body, { status: Number(draw(['200', '200', '200', '200', '404', '203', '500'])), headers })
  }
}

function check(response: Response, text: string, user: string, made: readonly Made[], where: string): void {
  expect([200, 203, 206, 304, 404, 416, 500, 503, 504], where).toContain(response.status)
  if (response.status === 304) expect(text, where).toBe('')
  if (response.status === 206 && response.headers.has('cache-status'))
    expect(response.headers.get('content-range'), where).toMatch(/^bytes \d+-\d+\/\d+$/)
  if (response.headers.get('x-cache') === 'HIT') expect(response.headers.get('age'), where).toMatch(/^\d+$/)
  const number = /^#(\d+)#/.exec(text)?.[1]
  const maker = number === undefined ? undefined : made[Number(number)]!
  if (maker !== undefined && maker.user !== user) expect(isPersonal(maker), `${where}: ${maker.control}`).toBe(false)
}

describe('fields at random', () => {
  it.each([1, 2, 3])('give nobody what was made for somebody, and always a proper answer (seed %i)', async seed => {
    const random = seededRandom(seed)
    const { clock, responses } = open()
    const made: Made[] = []
    const handler = handlerOf(random, made)
    for (let i = 0; i < 800; i++) {
      const user = random() < 0.5 ? 'a' : 'b'
      const response = await responses.fetch(requestOf(random, user), handler)
      const text = await decodedText(response)
      check(response, text, user, made, `seed ${seed}, request ${i}`)
      clock.advance(Math.floor(random() * 4000))
    }
    expect(made.length).toBeGreaterThan(100)
  })

  it('take fields of 100 kB as they take others', async () => {
    const { responses } = open()
    const long = 'x'.repeat(100_000)
    for (const name of ['cache-control', 'if-none-match', 'accept-encoding', 'range', 'x-vary', 'accept-language']) {
      for (const value of [long, `${long},`.repeat(1), Array.from({ length: 20_000 }, () => '"a"').join(',')]) {
        const response = await responses.fetch(
          new Request(`${ORIGIN}/${name}`, { headers: { [name]: value } }),
          () =>
            new Response('page', {
              headers: { 'cache-control': 'public, max-age=60', vary: 'x-vary, accept-language', 'cache-tag': value.slice(0, 300) },
            }),
        )
        expect([response.status, await response.text()]).toEqual([200, 'page'])
      }
    }
  })

  it('hold no more for 10,000 values that Vary selects by than for 32', async () => {
    const { data, responses } = open()
    const ask = (value: number) =>
      responses.fetch(
        new Request(`${ORIGIN}/a`, { headers: { 'x-vary': String(value) } }),
        () => new Response('y'.repeat(500), { headers: { 'cache-control': 'public, max-age=60', vary: 'x-vary' } }),
      )
    for (let i = 0; i < 32; i++) await ask(i)
    const before = data.stats().bytes
    for (let i = 32; i < 10_000; i++) await ask(i)
    expect(data.stats().bytes).toBeLessThan(before * 1.2)
    expect(data.stats().entries).toBe(1)
  })
})

/** The text in whatever coding it came; a part of an encoded body is left as it is. */
async function decodedText(response: Response): Promise<string> {
  const coding = response.headers.get('content-encoding')
  const bytes = Buffer.from(await response.arrayBuffer())
  if (coding === null || bytes.byteLength === 0) return bytes.toString()
  const { brotliDecompressSync, gunzipSync, ...zlib } = await import('node:zlib')
  const zstd = (zlib as unknown as { zstdDecompressSync?: (bytes: Buffer) => Buffer }).zstdDecompressSync
  return (coding === 'br' ? brotliDecompressSync(bytes) : coding === 'gzip' ? gunzipSync(bytes) : zstd!(bytes)).toString()
}
