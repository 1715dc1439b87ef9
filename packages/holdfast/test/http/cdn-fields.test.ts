import type { TagField } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { tagsForCdn } from '../../src/http/cdn-fields.ts'

const CLOUDFLARE: TagField = { name: 'Cache-Tag', separator: ',', maxBytes: 16_384, maxTags: 1000, obeysTargeted: true }
const CLOUDFRONT: TagField = { ...CLOUDFLARE, maxBytes: 8192, maxTags: 50, obeysTargeted: false }
const FASTLY: TagField = { name: 'Surrogate-Key', separator: ' ', maxBytes: 16_384, maxTags: 1000, obeysTargeted: false }
const toCdn = (fields: TagField[], cacheGroups = false) => tagsForCdn({ fields, cacheGroups, common: 'holdfast:app' }, createRegistry())
const tags = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`)

it('names tags in the field of each CDN, in the place of what the handler said', () => {
  const lines = toCdn([CLOUDFLARE, FASTLY])(['Content-Type', 'text/html', 'Cache-Tag', 'old'], ['a b', 'c'])
  expect(lines).toEqual(['Content-Type', 'text/html', 'Cache-Tag', 'holdfast:app,a%20b,c', 'Surrogate-Key', 'holdfast:app a%20b c'])
})

it('drops no tag: at the limit of the narrowest CDN all are named, beyond it the answer is kept out, also where only private does that', () => {
  const both = toCdn([CLOUDFLARE, CLOUDFRONT])
  expect(both([], tags(49))[1]!.split(',')).toHaveLength(50)
  const control = 'public, s-maxage=600, max-age=60, must-revalidate'
  const lines = ['Cache-Control', control, 'Surrogate-Control', 'max-age=9', 'Cloudflare-CDN-Cache-Control', 'max-age=9', 'ETag', '"1"']
  expect(both(lines, tags(50))).toEqual(['ETag', '"1"', 'CDN-Cache-Control', 'no-store', 'Cache-Control', 'private, max-age=60, must-revalidate'])
  expect(toCdn([CLOUDFLARE])(lines, tags(1000))).toEqual(['Cache-Control', control, 'ETag', '"1"', 'CDN-Cache-Control', 'no-store'])
  // A tag that is none reaches no CDN, so neither may the answer.
  expect(toCdn([CLOUDFLARE])([], undefined)).toEqual(['CDN-Cache-Control', 'no-store'])
})

it('leaves answers alone that no shared cache stores, and keeps Cache-Groups within its budget', () => {
  expect(toCdn([CLOUDFLARE])(['Cache-Control', 'private, max-age=5'], ['a'])).toEqual(['Cache-Control', 'private, max-age=5'])
  // Browsers ask each time, and the CDN stores it all the same.
  const targeted = ['Cache-Control', 'no-store', 'CDN-Cache-Control', 'max-age=60']
  expect(toCdn([CLOUDFLARE])(targeted, ['a'])).toEqual([...targeted, 'Cache-Tag', 'holdfast:app,a'])
  expect(toCdn([], true)([], ['a"b'])).toEqual(['Cache-Groups', '"holdfast:app", "a\\"b"'])
  expect(toCdn([], true)([], tags(1000))).toEqual(['CDN-Cache-Control', 'no-store'])
})
