import * as zlib from 'node:zlib'
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { CODINGS, type Coding, preferredCoding } from '../../../src/http/content-coding/coding.ts'
import { EncodedBodies } from '../../../src/http/content-coding/encoded-bodies.ts'
import { createResponseCache, type ResponseCacheOptions } from '../../../src/http/index.ts'
import { createRegistry, type Registry } from '../../../src/telemetry/index.ts'
import { ORIGIN } from './harness.ts'

type Handler = (request: Request) => Response | Promise<Response>

const TEXT = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: `agent ${id}`, status: 'open' })))

function open(options: ResponseCacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const responses = createResponseCache(options, { cache: createTieredCache({ jitter: 0 }, { clock, registry }), registry, clock })
  const seen: Request[] = []
  const ask = async (handler: Handler, headers: Record<string, string> = {}, path = '/a', method = 'GET') => {
    const response = await responses.fetch(new Request(ORIGIN + path, { headers, method }), request => {
      seen.push(request)
      return handler(request)
    })
    const { status, headers: got } = response
    const field = (name: string): string | null => got.get(name)
    return { status, field, coding: field('content-encoding'), cache: field('x-cache'), bytes: new Uint8Array(await response.arrayBuffer()) }
  }
  return { clock, registry, responses, seen, ask }
}

const page = (headers: Record<string, string> = {}, body: string | Uint8Array<ArrayBuffer> = TEXT): Response =>
  new Response(body, { headers: { 'cache-control': 'public, max-age=60', 'content-type': 'application/json', ...headers } })

function decoded(coding: string | null, bytes: Uint8Array): string {
  if (coding === 'zstd') return (zlib as unknown as { zstdDecompressSync(bytes: Uint8Array): Buffer }).zstdDecompressSync(bytes).toString()
  return (coding === 'br' ? brotliDecompressSync(bytes) : coding === 'gzip' ? gunzipSync(bytes) : Buffer.from(bytes)).toString()
}

function encodings(registry: Registry): Record<string, number> {
  const series = registry.snapshot().find(({ name }) => name === 'holdfast_http_cache_encodings')?.series ?? []
  return Object.fromEntries(series.map(({ labels, value }) => [labels[0]!, value!]))
}

const [best] = CODINGS as [Coding]

it('knows Zstandard where node does, and asks for nothing that node lacks', () => {
  expect(CODINGS).toEqual([...('zstdCompress' in zlib ? ['zstd'] : []), 'br', 'gzip'])
  expect(preferredCoding('zstd')).toBe('zstdCompress' in zlib ? 'zstd' : undefined)
})

describe('the coding that a request wishes', () => {
  it('is the one wished most, at equal wishes the first of ours, and none where none of ours is wished', () => {
    const cases: [string | undefined, Coding | undefined][] = [
      [undefined, undefined],
      ['', undefined],
      ['gzip', 'gzip'],
      ['x-gzip', 'gzip'],
      ['gzip, deflate, br', 'br'],
      ['GZIP;q=0.5, br;q=0.4', 'gzip'],
      ['br;q=0, gzip', 'gzip'],
      ['*', best],
      ['*;q=0', undefined],
      ['identity', undefined],
      ['identity;q=1, gzip;q=0.5', undefined],
      ['identity;q=0.2, gzip;q=0.5', 'gzip'],
      ['deflate, compress', undefined],
      ['gzip;q=2', undefined],
      ['gzip;q=nan, br ; q=0.001', 'br'],
      ['gzip;level=9', 'gzip'],
      ['br, *;q=0', 'br'],
      [',,,;q=1,"gzip"', undefined],
    ]
    for (const [value, coding] of cases) expect(preferredCoding(value), value).toBe(coding)
  })

  it('is told for any number of different values', () => {
    for (let i = 0; i < 5000; i++) expect(preferredCoding(`x${i}, gzip`)).toBe('gzip')
  })
})

describe('stored answers in codings', () => {
  it('go out in what the client wishes, from one call of the handler and one encoding each', async () => {
    const { registry, seen, ask } = open()
    for (let round = 0; round < 3; round++) {
      for (const coding of [...CODINGS, null]) {
        const answer = await ask(() => page({ etag: '"1"' }), coding === null ? {} : { 'accept-encoding': coding })
        expect([answer.coding, decoded(coding, answer.bytes), answer.field('vary')]).toEqual([coding, TEXT, 'Accept-Encoding'])
        expect([answer.field('content-length'), answer.field('etag')]).toEqual([
          String(answer.bytes.byteLength),
          coding === null ? '"1"' : `"1;hf=${coding}"`,
        ])
      }
    }
    expect(seen.length).toBe(1)
    expect(encodings(registry)).toEqual({ kept: CODINGS.length })
  })

  it('are encoded once for all who ask at the same time, on a first answer too', async () => {
    const { registry, ask } = open()
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(() => page(), { 'accept-encoding': 'gzip' })))
    expect(new Set(answers.map(({ coding }) => coding))).toEqual(new Set(['gzip']))
    expect(encodings(registry)).toEqual({ kept: 1 })
  })

  it('are one variant for all spellings of a wish', async () => {
    const { seen, ask } = open()
    for (const wish of ['gzip, br', 'br, gzip', 'br', 'BR', 'deflate, gzip;q=0.9, br', 'br;q=1.0', 'gzip,br,deflate']) {
      expect((await ask(() => page({ vary: 'accept-encoding' }), { 'accept-encoding': wish })).coding).toBe('br')
    }
    expect(seen.map(({ headers }) => headers.get('accept-encoding'))).toEqual(['br'])
  })

  it('answer 304 to the tag of the coding, and the whole to the tag of another', async () => {
    const { ask } = open()
    const handler = () => page({ etag: '"1"' })
    const gzip = await ask(handler, { 'accept-encoding': 'gzip' })
    const tag = gzip.field('etag')!
    for (const tags of [tag, `"x", ${tag}`, '*', `W/${tag}`]) {
      const again = await ask(handler, { 'accept-encoding': 'gzip', 'if-none-match': tags })
      expect([again.status, again.field('etag'), again.field('vary'), again.bytes.byteLength]).toEqual([304, tag, 'Accept-Encoding', 0])
    }
    for (const wish of ['br', '']) expect((await ask(handler, { 'accept-encoding': wish, 'if-none-match': tag })).status).toBe(200)
  })

  it('keep a weak tag as it is, and answer 304 to it in every coding', async () => {
    const { ask } = open()
    const handler = () => page({ etag: 'W/"1"' })
    expect((await ask(handler, { 'accept-encoding': 'gzip' })).field('etag')).toBe('W/"1"')
    expect((await ask(handler, { 'accept-encoding': 'br', 'if-none-match': '"1"' })).status).toBe(304)
  })

  it('let the handler see the tags that it gave, never ours', async () => {
    const { seen, ask } = open()
    await ask(() => new Response('saved'), { 'if-match': '"1;hf=br", "2"' }, '/a', 'PUT')
    await ask(() => new Response('saved'), { 'if-match': '"1;hf=gzip"' }, '/a')
    expect(seen.map(({ headers }) => headers.get('if-match'))).toEqual(['"1", "2"', '"1"'])
  })

  it('are given in parts of what is stored, in no coding', async () => {
    const { ask } = open()
    const handler = () => page({ etag: '"1"' })
    await ask(handler, { 'accept-encoding': 'gzip' })
    const part = await ask(handler, { 'accept-encoding': 'gzip', range: 'bytes=0-9' })
    expect([part.status, part.coding, decoded(null, part.bytes), part.field('vary')]).toEqual([206, null, TEXT.slice(0, 10), 'Accept-Encoding'])
    const resumed = await ask(handler, { 'accept-encoding': 'gzip', range: 'bytes=10-', 'if-range': '"1;hf=gzip"' })
    expect([resumed.status, decoded(null, resumed.bytes)]).toEqual([200, TEXT])
  })

  it('tell a HEAD what a GET would bring', async () => {
    const { ask } = open()
    const got = await ask(() => page(), { 'accept-encoding': 'gzip' })
    const head = await ask(() => page(), { 'accept-encoding': 'gzip' }, '/a', 'HEAD')
    expect(['content-length', 'content-encoding', 'vary'].map(head.field)).toEqual(['content-length', 'content-encoding', 'vary'].map(got.field))
    expect(head.bytes.byteLength).toBe(0)
  })

  it('stay as they are where encoding is forbidden, useless or not wished', async () => {
    const noise = Uint8Array.from({ length: 4000 }, (_, i) => ((i * 7919 * ((i >> 3) + 13)) % 256) ^ ((i * 31 + (i >> 5) * 17) % 251))
    const cases: [name: string, handler: Handler, headers?: Record<string, string>][] = [
      ['no-transform', () => page({ 'cache-control': 'public, max-age=60, no-transform' })],
      ['small', () => page({}, 'x'.repeat(1023))],
      ['a compressed type', () => page({ 'content-type': 'image/png' })],
      ['the request forbids it', () => page(), { 'cache-control': 'no-transform' }],
      ['less than a tenth is saved', () => page({ 'content-type': 'application/octet-stream' }, gzipSync(noise).subarray(0, 3000))],
    ]
    for (const [name, handler, headers = {}] of cases) {
      const { ask } = open()
      for (let i = 0; i < 2; i++) expect((await ask(handler, { 'accept-encoding': 'br', ...headers })).coding, name).toBe(null)
    }
  })

  it('do not encode again what the handler encoded, and do not encode for routes that are told not to or belong to somebody', async () => {
    const encoded = gzipSync(TEXT)
    const { ask } = open({
      rules: [
        { path: '/secret', compress: false },
        { path: '/own', identity: () => 'me' },
      ],
    })
    const already = await ask(() => page({ 'content-encoding': 'gzip', vary: 'accept-encoding' }, encoded), { 'accept-encoding': 'gzip' })
    expect([already.coding, decoded('gzip', already.bytes), already.field('vary')]).toEqual(['gzip', TEXT, 'accept-encoding'])
    for (const path of ['/secret', '/own']) {
      for (let i = 0; i < 2; i++) {
        const answer = await ask(() => page(), { 'accept-encoding': 'gzip' }, path)
        expect([answer.coding, answer.field('vary'), answer.cache]).toEqual([null, null, i === 0 ? 'MISS' : 'HIT'])
      }
    }
  })

  it('keep what the handler varies by', async () => {
    const { ask } = open()
    const answer = await ask(() => page({ vary: 'Accept-Language' }), { 'accept-encoding': 'gzip', 'accept-language': 'en' })
    expect([answer.coding, answer.field('vary')]).toEqual(['gzip', 'Accept-Language, Accept-Encoding'])
  })

  it('are encoded again when the content changes, and not when it was confirmed', async () => {
    const { clock, registry, ask } = open()
    const handler: Handler = request =>
      request.headers.get('if-none-match') === '"1"' ? new Response(null, { status: 304, headers: { etag: '"1"' } }) : page({ etag: '"1"' })
    await ask(handler, { 'accept-encoding': 'gzip' })
    clock.advance(70_000)
    expect((await ask(handler, { 'accept-encoding': 'gzip' })).field('cache-status')).toContain('fwd-status=304; stored')
    await ask(handler, { 'accept-encoding': 'gzip' })
    expect(encodings(registry)).toEqual({ kept: 1 })
    clock.advance(70_000)
    const changed = await ask(() => page({}, `${TEXT} `), { 'accept-encoding': 'gzip' })
    expect(decoded('gzip', changed.bytes)).toBe(`${TEXT} `)
    expect(encodings(registry)).toEqual({ kept: 2 })
  })
})

describe('encodings in memory', () => {
  it('stay within their limit, and those in use stay longest', async () => {
    const registry = createRegistry()
    const bodies = new EncodedBodies(60_000, registry)
    const bytesOf = (i: number): Uint8Array => Buffer.from(`${i} ${TEXT}`)
    const hot = bodies.of(bytesOf(-1))
    await bodies.make(hot, bytesOf(-1), 'gzip')
    for (let i = 0; i < 500; i++) {
      hot.isUsed = true
      const body = bodies.of(bytesOf(i))
      expect((await bodies.make(body, bytesOf(i), 'gzip'))!.byteLength).toBeLessThan(2000)
    }
    expect(hot.isEvicted).toBe(false)
    const { kept, evicted } = encodings(registry)
    expect(kept! - evicted!).toBeLessThan(100)
    expect(kept! - evicted!).toBeGreaterThan(10)
  })

  it('are not made for more than 16 bodies at once: the answer goes out as it is', async () => {
    const { registry, ask } = open()
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(() => page({}, `${i} ${TEXT}`), { 'accept-encoding': 'br' }, `/${i}`)))
    for (const [i, { coding, bytes }] of answers.entries()) expect(decoded(coding, bytes)).toBe(`${i} ${TEXT}`)
    const { kept = 0, busy = 0 } = encodings(registry)
    expect(kept + busy).toBe(60)
    expect(kept).toBeGreaterThanOrEqual(16)
  })
})
