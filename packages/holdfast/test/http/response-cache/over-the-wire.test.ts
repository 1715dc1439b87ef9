import { createServer, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fakeClock } from '@holdfast/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { createResponseCache } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'

/** Field lines as they stand on the wire; `@60` is a date in 60 s. */
type Lines = readonly (readonly [name: string, value: string])[]
interface Made {
  readonly status?: number
  readonly lines?: Lines
  readonly isAfterHints?: boolean
  readonly trailers?: Record<string, string>
}
interface Got {
  readonly status: number
  readonly lines: readonly string[]
  readonly text: string
  /** Whether the handler was asked. */
  readonly isNew: boolean
  readonly hints: number
  readonly trailers: NodeJS.Dict<string>
}

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

/** A cache between two sides that see every line: what the handler writes is sent as it stands, and what comes is not read by anybody in between. */
async function openWire() {
  const clock = fakeClock()
  const registry = createRegistry()
  const cache = createResponseCache({}, { cache: createTieredCache({ jitter: 0 }, { clock, registry }), registry, clock })
  const dated = (lines: Lines): string[] =>
    lines.flatMap(([name, value]) => [name, value.replace(/@(-?\d+)/, (_, sec) => new Date(clock.nowMs() + sec * 1000).toUTCString())])
  let made: Made = {}
  let calls = 0
  const server = createServer((request, response) =>
    cache.node(request, response, (_asked, answer) => {
      calls++
      if (made.isAfterHints) answer.writeEarlyHints({ link: '</style.css>; rel=preload' })
      answer.writeHead(made.status ?? 200, 'As It Is', dated(made.lines ?? []))
      if (made.trailers !== undefined) answer.addTrailers(made.trailers)
      answer.end(made.status === 204 || made.status === 304 ? undefined : `call ${calls}`)
    }),
  )
  servers.push(server.listen(0, '127.0.0.1'))
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const ask = (making: Made = {}, lines: Lines = [], method = 'GET', path = '/a'): Promise<Got> => {
    made = making
    const before = calls
    let hints = 0
    return new Promise((resolve, reject) => {
      const asked = send({ port, path, method, agent: false, headers: ['Host', 'shop.test', ...dated(lines)] as never }, response => {
        let text = ''
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode!, lines: response.rawHeaders, text, isNew: calls > before, hints, trailers: response.trailers }),
        )
      })
      asked.on('information', () => hints++)
      asked.on('error', reject).end()
    })
  }
  return { clock, ask }
}

const NOW = ['Date', '@0'] as const
const MINUTE = [NOW, ['Cache-Control', 'max-age=60']] as const

describe('an answer is reused, or not, by all of its lines', () => {
  it.each<[name: string, lines: Lines, isReused: boolean]>([
    ['Cache-Control in two lines', [NOW, ['Cache-Control', 'public'], ['Cache-Control', 'max-age=60']], true],
    ['no-store in the second line', [...MINUTE, ['Cache-Control', 'no-store']], false],
    ['a directive inside a quoted argument', [NOW, ['Cache-Control', 'max-age=60, note="a, no-store"']], true],
    ['a lifetime inside a quoted argument', [NOW, ['Cache-Control', 'note="max-age=60"']], false],
    ['the first of two Expires, future', [NOW, ['Expires', '@60'], ['Expires', '@-60']], true],
    ['the first of two Expires, past', [NOW, ['Expires', '@-60'], ['Expires', '@60']], false],
    [
      'Expires behind a Date that is ahead',
      [
        ['Date', '@120'],
        ['Expires', '@60'],
      ],
      false,
    ],
    ['Expires in another zone', [NOW, ['Expires', 'Thu, 18 Aug 2050 02:01:18 AEST']], false],
    ['Expires in the form of RFC 850', [NOW, ['Expires', 'Thursday, 18-Aug-50 02:01:18 GMT']], true],
    ['an invalid max-age beside a good Expires', [NOW, ['Cache-Control', 'max-age=soon'], ['Expires', '@60']], false],
    [
      'a Date that is none',
      [
        ['Date', 'yesterday'],
        ['Cache-Control', 'max-age=60'],
      ],
      true,
    ],
    [
      'a Date older than the lifetime',
      [
        ['Date', '@-90'],
        ['Cache-Control', 'max-age=60'],
      ],
      false,
    ],
    ['Age in two lines, the first old', [...MINUTE, ['Age', '90'], ['Age', '0']], false],
    ['Age in two lines, the first new', [...MINUTE, ['Age', '0'], ['Age', '90']], true],
    ['Age that is no number', [...MINUTE, ['Age', '90s']], true],
    ['Pragma of an answer', [...MINUTE, ['Pragma', 'no-cache']], true],
    ['Vary: * in the second line', [...MINUTE, ['Vary', 'Accept'], ['Vary', '*']], false],
    ['a targeted field in two lines', [NOW, ['CDN-Cache-Control', 'must-revalidate'], ['CDN-Cache-Control', 'max-age=60']], true],
    ['a targeted field over a longer one', [...MINUTE, ['CDN-Cache-Control', 'max-age=0']], false],
    ['a targeted field that cannot be read', [...MINUTE, ['CDN-Cache-Control', 'max-age=0, &']], true],
    ['no-store of a targeted field', [...MINUTE, ['CDN-Cache-Control', 'no-store']], false],
    ['Content-Range outside of a 206', [...MINUTE, ['Content-Range', 'bytes 0-3/10']], false],
  ])('%s', async (_name, lines, isReused) => {
    const { ask } = await openWire()
    await ask({ lines })
    expect((await ask({ lines })).isNew).toBe(!isReused)
  })
})

it('stores every final status that says for how long, known or not', async () => {
  const statuses = [
    200, 201, 202, 203, 204, 226, 299, 300, 301, 302, 303, 307, 308, 399, 400, 401, 403, 404, 405, 410, 414, 429, 451, 499, 500, 501, 503, 599,
  ]
  for (const status of statuses) {
    const { ask } = await openWire()
    await ask({ status, lines: MINUTE })
    expect([status, await ask()]).toMatchObject([status, { status, isNew: false }])
  }
})

it('does not store 206 without Content-Range, nor a 304 to a request without a condition', async () => {
  for (const status of [206, 304]) {
    const { ask } = await openWire()
    await ask({ status, lines: MINUTE })
    expect((await ask({ lines: MINUTE })).isNew).toBe(true)
  }
})

it('forgets by every unsafe method that succeeds or redirects, known or not, and by no other', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'M-SEARCH', 'OPTIONS', 'TRACE'])
    for (const status of [200, 201, 302, 404, 500]) {
      const { ask } = await openWire()
      await ask({ lines: MINUTE })
      const body: Lines = method === 'POST' || method === 'PUT' ? [['Content-Length', '0']] : []
      expect(await ask({ status }, body, method)).toMatchObject({ status, isNew: true })
      const isForgotten = status < 400 && !['OPTIONS', 'TRACE'].includes(method)
      expect([method, status, (await ask({ lines: MINUTE })).isNew]).toEqual([method, status, isForgotten])
    }
})

it('passes interim answers on, and stores the final one', async () => {
  const { ask } = await openWire()
  expect(await ask({ lines: MINUTE, isAfterHints: true })).toMatchObject({ status: 200, hints: 1, isNew: true })
  expect(await ask()).toMatchObject({ status: 200, text: 'call 1', hints: 0, isNew: false })
})

it('drops the trailers of what is stored, and passes on those of what is not', async () => {
  const { ask } = await openWire()
  const trailers = { 'x-sum': '7' }
  expect((await ask({ lines: [NOW, ['Cache-Control', 'no-store'], ['Trailer', 'X-Sum']], trailers })).trailers).toEqual(trailers)
  for (const isNew of [true, false]) expect(await ask({ lines: [...MINUTE, ['Trailer', 'X-Sum']], trailers })).toMatchObject({ isNew, trailers: {} })
})

it('keeps no line of the connection, and none that Connection names, in whatever case', async () => {
  const { ask } = await openWire()
  const hop: Lines = [
    ['Connection', 'X-Own, close'],
    ['x-own', '1'],
    ['Keep-Alive', 'timeout=9'],
    ['Proxy-Authenticate', 'Basic'],
    ['Proxy-Connection', 'close'],
  ]
  await ask({ lines: [...MINUTE, ...hop, ['TE', 'trailers'], ['Upgrade', 'h2c'], ['Trailer', 'X-Sum'], ['X-Kept', 'yes']] })
  const { lines, isNew } = await ask()
  const names = lines.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase())
  expect(isNew).toBe(false)
  expect(names).toContain('x-kept')
  for (const name of ['x-own', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'upgrade', 'trailer']) expect(names).not.toContain(name)
})

it('updates by a 304 all fields but those that say how the stored bytes are read', async () => {
  const { ask, clock } = await openWire()
  const before: Lines = [
    ['X-A', '1'],
    ['X-Kept', 'k'],
    ['Content-Type', 'text/a'],
    ['Content-Encoding', 'own'],
    ['Content-Length', '6'],
  ]
  await ask({ lines: [NOW, ['Cache-Control', 'max-age=10'], ['ETag', '"1"'], ...before] })
  clock.advance(20_000)
  const after: Lines = [
    ['X-A', '2'],
    ['X-New', 'n'],
    ['Content-Type', 'text/b'],
    ['Content-Encoding', 'other'],
    ['Connection', 'X-Hop'],
    ['X-Hop', 'h'],
  ]
  await ask({ status: 304, lines: [...MINUTE, ['ETag', '"1"'], ...after] })
  const { lines, text, isNew } = await ask()
  const fields = Object.fromEntries(lines.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), lines[i + 1]]] : [])))
  expect([isNew, text]).toEqual([false, 'call 1'])
  expect(fields).toMatchObject({
    'x-a': '2',
    'x-new': 'n',
    'x-kept': 'k',
    'content-type': 'text/b',
    'content-encoding': 'own',
    'content-length': '6',
  })
  expect(fields['x-hop']).toBeUndefined()
})

it('sends with a 304 what RFC 9110 15.4.5 asks for, and nothing that describes the body', async () => {
  const { ask } = await openWire()
  await ask({
    lines: [
      ...MINUTE,
      ['ETag', '"1"'],
      ['Expires', '@60'],
      ['Content-Location', '/b'],
      ['Vary', 'X-Way'],
      ['Content-Type', 'text/a'],
      ['X-Own', '1'],
    ],
  })
  const { status, lines } = await ask({}, [['If-None-Match', 'W/"0", W/"1"']])
  const names = lines.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase())
  expect(status).toBe(304)
  expect(names).toEqual(expect.arrayContaining(['date', 'cache-control', 'etag', 'expires', 'content-location', 'vary', 'age', 'cache-status']))
  for (const name of ['content-type', 'content-length', 'x-own']) expect(names).not.toContain(name)
})
