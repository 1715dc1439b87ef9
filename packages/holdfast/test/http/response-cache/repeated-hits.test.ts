import { gunzipSync } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import { openSite, type Site, type SiteOptions } from '../../adapters/sites.ts'

const sites: Site[] = []
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close()
})

/** A site whose answer was asked for before, so that what a hit keeps for the next one is there. */
async function hotSite(headers: Record<string, string> = {}, options: SiteOptions = {}): Promise<Site> {
  const site = await openSite('node', options)
  sites.push(site)
  site.handler = async ({ headers: asked }) => {
    const version = await site.data.getOrSet('version', () => site.seen.length, { tags: ['version'] })
    const body = `version ${version} for ${asked['accept-language'] ?? 'all'} ${'x'.repeat(2000)}`
    return { headers: { 'cache-control': 'public, max-age=10', etag: `"${version}"`, ...headers }, body }
  }
  for (let i = 0; i < 3; i++) expect((await site.ask()).cache).toBe(i === 0 ? 'MISS' : 'HIT')
  return site
}

const start = ({ text }: { text: string }): string => text.slice(0, 9)

it('answers again and again from one look, and not once more after what it was made of changed', async () => {
  const site = await hotSite()
  await site.data.invalidateTags('version')
  expect(start(await site.ask())).toBe('version 2')
  expect(await site.ask()).toMatchObject({ cache: 'HIT' })
  await site.responses.purge(`http://127.0.0.1:${site.port}/a`)
  await site.responses.purge(`http://localhost:${site.port}/a`)
  const { cache } = await site.ask()
  expect([cache, site.seen.length]).toEqual(['MISS', 3])
})

it('ages, and ends with its lifetime', async () => {
  const site = await hotSite()
  for (const age of ['1', '2', '3']) {
    site.clock.advance(1000)
    for (let i = 0; i < 2; i++) expect((await site.ask()).headers).toMatchObject({ age, 'cache-status': `Holdfast; hit; ttl=${10 - Number(age)}` })
  }
  site.clock.advance(6999)
  expect((await site.ask()).cache).toBe('HIT')
  site.clock.advance(1)
  expect((await site.ask()).cache).toBe('MISS')
})

it('answers conditions, ranges, HEAD, codings and directives each for itself, in whatever order they come', async () => {
  const site = await hotSite()
  const asked: [headers: Record<string, string>, status: number, coding: string | undefined, method?: string][] = [
    [{ 'if-none-match': '"1"' }, 304, undefined],
    [{ 'if-none-match': '"2"' }, 200, undefined],
    [{ 'if-none-match': '"1;hf=gzip"', 'accept-encoding': 'gzip' }, 304, undefined],
    [{ 'if-none-match': '"1"', 'accept-encoding': 'gzip' }, 200, 'gzip'],
    [{ 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200, undefined],
    [{ range: 'bytes=0-3' }, 206, undefined],
    [{ 'accept-encoding': 'gzip' }, 200, 'gzip'],
    [{ 'accept-encoding': 'br' }, 200, 'br'],
    [{ 'accept-encoding': 'identity' }, 200, undefined],
    [{}, 200, undefined, 'HEAD'],
    [{}, 200, undefined],
  ]
  for (let round = 0; round < 3; round++)
    for (const [headers, status, coding, method = 'GET'] of asked) {
      const answer = await site.ask('/a', headers, method)
      expect([answer.cache, answer.status, answer.headers['content-encoding']], JSON.stringify(headers)).toEqual(['HIT', status, coding])
      expect(answer.bytes.length > 0, JSON.stringify(headers)).toBe(status !== 304 && method !== 'HEAD')
      if (coding === 'gzip') expect(start({ text: gunzipSync(answer.bytes).toString() })).toBe('version 1')
    }
  expect(site.seen.length).toBe(1)
  await site.ask('/a', { 'cache-control': 'no-cache' })
  await site.ask('/a', { pragma: 'no-cache' })
  await site.ask('/a', { 'if-match': '"1"' })
  await site.ask('/a', { 'x-http-method-override': 'DELETE' })
  await site.ask('/a', {}, 'POST')
  expect(site.seen.length).toBe(6)
})

it('tells apart what varies, and hosts', async () => {
  const site = await hotSite({ vary: 'accept-language' })
  for (const language of ['de', 'en', 'de', 'en']) expect((await site.ask('/a', { 'accept-language': language })).text).toContain(`for ${language}`)
  expect((await site.ask()).text).toContain('for all')
  expect(site.seen.length).toBe(3)
  for (const host of ['a.test', 'b.test', 'a.test', 'b.test']) await site.ask('/a', { host })
  expect(site.seen.length).toBe(5)
})

it('keeps the answers of identities apart', async () => {
  const identity = ({ lines }: { readonly lines: readonly string[] }) => lines[lines.findIndex(name => name.toLowerCase() === 'x-user') + 1]
  const site = await openSite('node', { identity })
  sites.push(site)
  site.handler = ({ headers }) => ({ headers: { 'cache-control': 'private, max-age=60' }, body: `for ${headers['x-user']}` })
  for (const user of ['a', 'b', 'a', 'b', 'a', 'b']) expect((await site.ask('/a', { 'x-user': user })).text).toBe(`for ${user}`)
  expect(site.seen.length).toBe(2)
})
