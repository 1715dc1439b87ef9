import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '@holdfast/testkit'
import express from 'express'
import fastifyApp from 'fastify'
import { createTieredCache } from 'holdfast/cache'
import { silentLogger } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assets as expressAssets, responseCache } from '../../../src/adapters/express.ts'
import { assets as fastifyAssets, responseCache as fastifyCache } from '../../../src/adapters/fastify.ts'
import { assets as honoAssets, responseCache as honoCache } from '../../../src/adapters/hono.ts'
import {
  type AssetRule,
  assetPresets,
  assetRoutes,
  chooseFormat,
  chooseQuality,
  chooseWidth,
  createAssetPolicy,
  createAssetVersions,
  createResponseCache,
  imageAttributes,
} from '../../../src/http/index.ts'

const YEAR = 'public, max-age=31536000, immutable'
/** The list of a service: the special before the general. */
const RULES: AssetRule[] = [
  ...assetPresets.private('/account*'),
  ...assetPresets.video('/video/'),
  ...assetPresets.fonts(),
  ...assetPresets.images(),
  ...assetPresets.static(),
  ...assetPresets.api(),
  ...assetPresets.pages(),
]
const cacheControl = async (url: string, status = 200, own: Record<string, string> = {}) =>
  (await createAssetPolicy({ rules: RULES }).answer('GET', url, undefined))
    ?.fields(status, name => own[name])
    ?.find(([name]) => name === 'Cache-Control')?.[1]

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'assets-'))
  for (const name of ['app.js', 'font.woff2', 'photo.jpg']) await writeFile(join(root, name), name)
})
afterAll(() => rm(root, { recursive: true }))

describe('the presets', () => {
  it('keep files with versions for a year, playlists for half a segment, pages and API short, and private pages nowhere', async () => {
    expect(
      await Promise.all(['/static/app.js', '/images/a.jpg', '/fonts/a.woff2', '/video/1/seg-1.ts', '/video/1/seg.m4s'].map(url => cacheControl(url))),
    ).toEqual(Array.from({ length: 5 }, () => YEAR))
    expect(await Promise.all(['/video/1/live.m3u8', '/video/1/live.mpd'].map(url => cacheControl(url)))).toEqual(
      Array.from({ length: 2 }, () => 'public, max-age=3, stale-while-revalidate=3'),
    )
    expect(await cacheControl('/api/funds?x=1')).toBe('public, max-age=0, s-maxage=60, stale-while-revalidate=300, stale-if-error=300')
    expect(await cacheControl('/blog')).toBe('public, max-age=0, s-maxage=3600, stale-while-revalidate=86400, stale-if-error=86400')
    expect(await cacheControl('/account/7')).toBe('private, no-store')
  })

  it('give no error a year, and nothing to what its handler keeps from others', async () => {
    expect(await Promise.all([404, 500, 301, 206, 304].map(status => cacheControl('/static/a.js', status)))).toEqual([
      undefined,
      undefined,
      undefined,
      YEAR,
      YEAR,
    ])
    for (const own of [{ 'cache-control': 'private' }, { 'cache-control': 'max-age=1, no-store' }, { 'set-cookie': 'a=b' }]) {
      expect(await cacheControl('/api/me', 200, own as Record<string, string>)).toBe(undefined)
    }
    // More is forbidden than the handler knew.
    expect(await cacheControl('/account', 200, { 'cache-control': 'private' })).toBe('private, no-store')
  })

  it('are the same as rules of the response cache', () => {
    expect(assetRoutes([...assetPresets.api(), ...assetPresets.private('/account*')])).toEqual([
      { path: '/api/*', ttl: '1m', staleWhileRevalidate: '5m', staleIfError: '5m', tags: ['api'] },
      { path: '/account*', cache: false },
    ])
    const bad = { path: 'a', browser: 'no-store', cdn: '1m', immutable: true, formats: ['image/jxl'], ttl: '1m' } as unknown as AssetRule
    expect(() => assetRoutes([bad, { path: '/', browser: '0s', immutable: true }])).toThrow(/ttl.*path.*formats.*cdn.*assets\[1\].immutable/)
  })
})

describe('images', () => {
  it('are in the best format that the browser names, and in few sizes', () => {
    expect(chooseFormat('image/avif,image/webp,image/apng,image/*,*/*;q=0.8')).toBe('image/avif')
    expect(chooseFormat('image/webp, IMAGE/AVIF;q=0')).toBe('image/webp')
    expect([chooseFormat('image/*, */*'), chooseFormat(undefined), chooseFormat('image/avif', ['image/webp'])]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect([chooseWidth('641'), chooseWidth(640), chooseWidth(99_999), chooseWidth('x'), chooseWidth('-1'), chooseWidth('')]).toEqual([
      ...[750, 640, 3840, undefined, undefined, undefined],
    ])
  })

  it('come in qualities of a list, so that a client cannot have any number of them made', () => {
    expect([chooseQuality('90', [50, 75]), chooseQuality(1, [50, 75]), chooseQuality('x', [60, 75]), chooseQuality(''), chooseQuality('31')]).toEqual(
      [...[75, 50, 60, 75, 75]],
    )
  })

  it('are asked for in widths that the server makes, when they come near the window', () => {
    const image = imageAttributes('/images/hero.jpg?v=1', { widths: [1080, 640], quality: 60, sizes: '50vw' })
    expect(image).toEqual({
      ...{ src: '/images/hero.jpg?v=1&w=1080&q=60', sizes: '50vw', loading: 'lazy', decoding: 'async', fetchpriority: 'auto' },
      srcset: '/images/hero.jpg?v=1&w=640&q=60 640w, /images/hero.jpg?v=1&w=1080&q=60 1080w',
    })
    const first = imageAttributes('/a.jpg', { isFirst: true })
    expect([first.loading, first.fetchpriority, first.srcset.split(', ').length]).toEqual(['eager', 'high', 8])
    for (const [, width] of image.srcset.matchAll(/w=(\d+)/g)) expect(chooseWidth(width, [640, 1080])).toBe(Number(width))
  })
})

describe('versions', () => {
  it('are in the URL, follow the content, and tell an old URL from the present one', async () => {
    const versions = createAssetVersions({ root, mount: '/static' })
    const before = await versions.url('app.js')
    expect(before).toMatch(/^\/static\/app\.js\?v=[\w-]{10}$/)
    expect(await versions.check(before)).toBe('current')
    await writeFile(join(root, 'app.js'), 'changed')
    await utimes(join(root, 'app.js'), 1, 1)
    expect([await versions.check(before), await versions.check(await versions.url('app.js'))]).toEqual(['outdated', 'current'])
    expect(
      await Promise.all(['/static/app.js', '/static/none.js', '/other/app.js', '/static/%2e%2e%2fpackage.json', '/static/%'].map(versions.check)),
    ).toEqual([...['none', 'missing', 'missing', 'missing', 'missing']])
    expect(await versions.url('none.js')).toBe('/static/none.js')
  })

  it('are those of the package or of the clock where that is wished', async () => {
    const released = createAssetVersions({ root, by: { semver: '1.4.2-rc.1+7' } })
    expect([await released.url('/app.js'), await released.check('/app.js?v=1.4.2')]).toEqual(['/app.js?v=1.4.2-rc.1%2B7', 'outdated'])
    const stamped = createAssetVersions({ root, by: 'timestamp' })
    await utimes(join(root, 'font.woff2'), 1, 1)
    expect(await stamped.url('font.woff2')).toBe('/font.woff2?v=rs')
    expect(() => createAssetVersions({ root, by: { semver: 'v1' }, mount: 'x' })).toThrow(/mount.*by/)
  })
})

describe('the middleware', () => {
  const PHOTO: AssetRule[] = [
    { path: '/static/photo*', browser: '1h', cdn: '1d', formats: ['image/avif', 'image/webp'], tags: ['a b'] },
    ...assetPresets.static(),
  ]
  const versions = () => createAssetVersions({ root, mount: '/static' })

  async function withExpress(use: (url: string) => Promise<void>, cached = false): Promise<void> {
    const app = express()
    const cache = createTieredCache({}, { registry: createRegistry() })
    if (cached) app.use(responseCache(createResponseCache({ rules: assetRoutes(PHOTO) }, { cache, registry: createRegistry() })))
    app.use(expressAssets({ rules: PHOTO, versions: versions() }))
    app.get('/static/photo', (request, response) => void response.send(request.get('accept')))
    app.get(
      '/static/whole-head',
      (_, response) => void response.writeHead(200, { 'cache-control': 'max-age=5', 'content-type': 'text/plain' }).end('1'),
    )
    app.use('/static', express.static(root))
    const server = app.listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    } finally {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
  const of = (response: Response, ...names: string[]) => names.map(name => response.headers.get(name))

  it('says it in front of express.static: a year for the right version only, nothing for an error', () =>
    withExpress(async url => {
      const right = url + (await versions().url('app.js'))
      expect(of(await fetch(right), 'cache-control', 'surrogate-key')).toEqual([YEAR, 'static'])
      const etag = (await fetch(right)).headers.get('etag')!
      const again = await fetch(right, { headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' } })
      expect([again.status, ...of(again, 'cache-control')]).toEqual([304, YEAR])
      for (const wrong of ['/static/app.js', '/static/app.js?v=old']) {
        expect(of(await fetch(url + wrong), 'cache-control')).toEqual(['public, max-age=0, must-revalidate'])
      }
      const none = await fetch(`${url}/static/none.js?v=1`)
      expect([none.status, ...of(none, 'cache-control', 'cache-tag')]).toEqual([404, null, null])
      expect(of(await fetch(`${url}/static/whole-head`), 'cache-control', 'content-type')).toEqual([
        'public, max-age=0, must-revalidate',
        'text/plain',
      ])
    }))

  it.each([false, true])('lets the handler see one plain Accept, and says that the answer varies by it (behind a response cache: %s)', cached =>
    withExpress(async url => {
      const get = async (accept: string) => {
        const response = await fetch(`${url}/static/photo`, { headers: { accept } })
        return [await response.text(), ...of(response, 'vary', 'cache-control', 'cache-tag', 'x-cache')]
      }
      const fields = ['Accept', 'public, max-age=3600, s-maxage=86400', 'a%20b']
      expect(await get('image/avif,image/webp,*/*')).toEqual(['image/avif', ...fields, cached ? 'MISS' : null])
      // Another spelling of the same wish.
      const spelled = await get('image/webp;q=0.9, image/avif')
      expect([spelled[0], spelled.at(-1)]).toEqual(['image/avif', cached ? 'HIT' : null])
      expect((await get('image/webp,*/*;q=0.5'))[0]).toBe('image/webp')
      expect((await get('*/*'))[0]).toBe('image/*')
    }, cached),
  )

  it('is told of once in the log when it stands before the response cache, which stores nothing by it', async () => {
    const cacheWith = () => {
      const warnings: unknown[] = []
      const log = (fields: { err?: { code?: string } }): number => warnings.push(fields.err?.code)
      const [clock, registry] = [fakeClock(), createRegistry()]
      const logger = { ...silentLogger, warn: log }
      return { warnings, cache: createResponseCache({}, { cache: createTieredCache({}, { registry, clock }), registry, clock, logger }) }
    }
    const inFastify = cacheWith()
    const fastify = fastifyApp()
    await fastify.register(fastifyAssets({ rules: PHOTO }))
    await fastify.register(fastifyCache(inFastify.cache))
    fastify.get('/static/photo', (_request, reply) => reply.send('photo'))
    for (let i = 0; i < 2; i++) expect((await fastify.inject('/static/photo')).headers['x-cache']).toBe('MISS')
    await fastify.close()
    const inHono = cacheWith()
    const hono = new Hono()
    hono.use(honoAssets({ rules: PHOTO }))
    hono.use(honoCache(inHono.cache, hono))
    hono.get('/static/photo', context => context.body('photo'))
    for (let i = 0; i < 2; i++) expect(of(await hono.request('http://shop.test/static/photo'), 'x-cache')).toEqual(['MISS'])
    expect([inFastify.warnings, inHono.warnings]).toEqual([['HF_HTTP_ASSETS_ORDER'], ['HF_HTTP_ASSETS_ORDER']])
  })

  it('does the same in Fastify and in Hono', async () => {
    const fastify = fastifyApp()
    await fastify.register(fastifyAssets({ rules: PHOTO }))
    fastify.get('/static/photo', (request, reply) => reply.header('cache-control', 'public, max-age=0').send(request.headers.accept))
    const answer = await fastify.inject({ url: '/static/photo', headers: { accept: 'image/webp,*/*' } })
    expect([answer.body, answer.headers['cache-control'], answer.headers.vary]).toEqual([
      'image/webp',
      'public, max-age=3600, s-maxage=86400',
      'Accept',
    ])
    await fastify.close()
    const hono = new Hono()
    hono.use(honoAssets({ rules: PHOTO }))
    hono.get('/static/photo', context => context.body(context.req.header('accept') ?? ''))
    const response = await hono.request('http://shop.test/static/photo', { headers: { accept: 'image/webp,*/*' } })
    expect([await response.text(), ...of(response, 'cache-control', 'vary')]).toEqual([
      'image/webp',
      'public, max-age=3600, s-maxage=86400',
      'Accept',
    ])
    expect(of(await hono.request('http://shop.test/static/none'), 'cache-control')).toEqual([null])
  })
})
