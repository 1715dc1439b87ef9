import { randomBytes } from 'node:crypto'
import { SIGNATURE_FIELD, signPurge } from 'holdfast/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../asking.ts'
import { type Origin, page, startOrigin } from '../origin.ts'
import type { Point, SiteOptions } from '../site.ts'
import { bundleWorker, startWorkerd, type Workerd } from '../workerd.ts'

const SECRET = randomBytes(32).toString('hex')
const OPTIONS: SiteOptions = {
  rules: [
    { path: '/account*', cache: false },
    { path: '/api/*', staleWhileRevalidate: '10m' },
  ],
  originTimeout: '1s',
}
const STALE = { 'cache-control': 'max-age=10', age: '20' }

let origin: Origin
let workerd: Workerd<'counting' | 'sampling' | 'refusing' | 'platform'>

beforeAll(async () => {
  const [started, bundle] = await Promise.all([startOrigin(), bundleWorker()])
  origin = started
  const bindings = { ORIGIN: origin.url, OPTIONS, PURGE_SECRET: SECRET }
  workerd = await startWorkerd(bundle.code, {
    counting: { bindings: { ...bindings, OWN_POINTS: 'kept' } },
    sampling: { bindings: { ...bindings, OWN_POINTS: 'kept', SAMPLE: 0.001 } },
    refusing: { bindings: { ...bindings, OWN_POINTS: 'refused' } },
    platform: { bindings, dataset: 'POINTS' },
  })
})
afterAll(async () => {
  await workerd?.stop()
  await origin?.close()
})

async function pointsAt(url: string): Promise<Point[]> {
  return JSON.parse((await ask(url, '/points')).text) as Point[]
}

/** Sends a purge, signed with this secret. */
async function purgeAt(url: string, secret: string): Promise<number> {
  const target = `${url}/.holdfast/purge`
  const body = JSON.stringify({ tags: ['fund:7'] })
  const headers = { [SIGNATURE_FIELD]: await signPurge({ url: target, body }, secret, Date.now()) }
  return (await ask(url, '/.holdfast/purge', { method: 'POST', headers, body })).status
}

describe('what the worker counts', () => {
  it('is each answer by outcome and rule, refreshes apart, purges, and failures of the origin', async () => {
    const { counting: url } = workerd.urls
    origin.on('/page', page({ 'cache-control': 'max-age=60' }))
    origin.on('/silent', page())
    origin.on('/account', page({ 'cache-control': 'max-age=60' }))
    origin.on('/api/list', page(STALE))
    origin.on('/api/gone', request => request.socket.destroy())
    await pointsAt(url)
    for (const path of ['/page', '/page', '/silent', '/account?user=ann', '/api/list', '/api/list', '/api/gone']) await ask(url, path)
    await ask(url, '/page', { method: 'POST', body: 'x' })
    expect([await purgeAt(url, SECRET), await purgeAt(url, 'y'.repeat(64))]).toEqual([200, 401])
    const found: Point[] = []
    // The refresh goes on after the answer.
    await expect.poll(async () => found.push(...(await pointsAt(url))), { timeout: 5000, interval: 10 }).toBeGreaterThanOrEqual(11)
    expect(found.map(({ blobs }) => blobs.join(' ').trim()).sort()).toEqual(
      [
        ...['answer miss *', 'answer hit *', 'answer bypass:no-lifetime *', 'answer bypass:rule /account*', 'answer bypass:method *'],
        ...['answer miss /api/*', 'answer stale /api/*', 'refresh miss /api/*', 'origin unreachable', 'purge done', 'purge signature'],
      ].sort(),
    )
    const { host } = new URL(url)
    expect(new Set(found.map(({ indexes }) => indexes.join()))).toEqual(new Set([host]))
    for (const { doubles } of found) expect(doubles).toEqual([1, expect.any(Number)])
    // Whoever reads the dataset learns nothing of the users.
    expect(JSON.stringify(found)).not.toContain('ann')
  })

  it('is a sample when that is asked for, in which purges are whole', async () => {
    const { sampling: url } = workerd.urls
    origin.on('/sampled', page({ 'cache-control': 'max-age=60' }))
    await Promise.all(Array.from({ length: 100 }, () => ask(url, '/sampled')))
    expect(await purgeAt(url, SECRET)).toBe(200)
    const found = await pointsAt(url)
    const answers = found.filter(({ blobs }) => blobs[0] === 'answer')
    expect(answers.length).toBeLessThan(10)
    for (const { doubles } of answers) expect(doubles[0]).toBe(1000)
    expect(found.filter(({ blobs }) => blobs[0] === 'purge').map(({ doubles }) => doubles[0])).toEqual([1])
  })

  it('costs no answer when the dataset refuses it, and is taken by the binding of the platform', async () => {
    origin.on('/any', page({ 'cache-control': 'max-age=60' }))
    for (const url of [workerd.urls.refusing, workerd.urls.platform])
      expect([(await ask(url, '/any')).cache, (await ask(url, '/any')).cache]).toEqual([expect.any(String), 'HIT'])
  })
})
