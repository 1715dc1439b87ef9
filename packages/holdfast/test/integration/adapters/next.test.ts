import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '@holdfast/dev-services'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Holdfast, holdfast } from '../../../src/runtime/index.ts'
import { newNamespace, REDIS_URL } from '../cache/harness.ts'

const require = createRequire(import.meta.url)
const packageFolder = fileURLToPath(new URL('../../..', import.meta.url))
const nextBin = require.resolve('next/dist/bin/next')

let folder: string
let child: ChildProcess
let behind: ChildProcess
let hf: Holdfast
let url: string
let log = ''
const namespace = newNamespace()

/** An application with what is published of Holdfast among its packages, built by Next.js and served by it; and a process beside it, which is this one. */
beforeAll(async () => {
  execFileSync(join(packageFolder, '../../node_modules/.bin/tsc'), ['-b', join(packageFolder, 'src/adapters')])
  // Inside the project, so that the packages of the workspace are found.
  folder = mkdtempSync(join(packageFolder, '.tsc/next-app-'))
  cpSync(fileURLToPath(new URL('next-app', import.meta.url)), folder, { recursive: true })
  for (const part of ['package.json', 'dist']) cpSync(join(packageFolder, part), join(folder, 'node_modules/holdfast', part), { recursive: true })
  setFunds({ 7: 1, 8: 1 })
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' as const, NODE_OPTIONS: '' }
  execFileSync(process.execPath, [nextBin, 'build'], { cwd: folder, env })
  const port = await findFreePort()
  child = spawn(process.execPath, [nextBin, 'start', '-p', String(port), '-H', '127.0.0.1'], {
    cwd: folder,
    env: { ...env, REDIS_URL, CACHE_NAMESPACE: namespace, FUNDS: join(folder, 'funds.json') },
  })
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', text => {
      log += text
    })
  url = `http://127.0.0.1:${port}`
  hf = await holdfast({ redis: REDIS_URL, cache: { namespace, jitter: 0 } })
  await vi.waitFor(async () => expect((await fetch(`${url}/nowhere`)).status).toBe(404), { timeout: 30_000 })
})
afterAll(async () => {
  child?.kill()
  behind?.kill()
  await hf?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const setFunds = (units: Record<string, number>): void => writeFileSync(join(folder, 'funds.json'), JSON.stringify(units))
const page = async (path: string): Promise<Record<'units' | 'call' | 'render', string>> => {
  const text = await (await fetch(url + path)).text()
  const found = /units (\S+), call (\S+), render (\S+)\./.exec(text)
  if (found === null) throw new Error(`${path} has no fund: ${text.slice(0, 300)}\n${log}`)
  return { units: found[1]!, call: found[2]!, render: found[3]! }
}
/** Next.js revalidates after it has answered, and what is made within a fifth of a second after an invalidation is shown and not kept. */
const soon = <T>(look: () => Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 20_000, interval: 100 })
/** The page once it is kept. */
const settled = (path: string) =>
  soon(async () => {
    const first = await page(path)
    expect(await page(path)).toEqual(first)
    return first
  })
interface Answer {
  readonly units: number
  readonly call: number
  readonly handler: number
  readonly host: string
  readonly forwarded: string | null
}
const api = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url + path, { headers })
  return {
    status: response.status,
    cache: response.headers.get('x-cache'),
    said: response.headers.get('cache-status'),
    body: response.status === 200 ? ((await response.json()) as Answer) : undefined,
  }
}
const forget = async (body: object): Promise<void> => {
  const { status } = await fetch(`${url}/api/forget`, { method: 'POST', body: JSON.stringify(body) })
  expect(status).toBe(204)
}

it('keeps pages and results of use cache in the shared cache, and drops both by tag, whoever invalidates', async () => {
  expect((await settled('/fund/7')).units).toBe('1')
  setFunds({ 7: 2, 8: 1 })
  await forget({ tag: 'fund:7' })
  await soon(async () => expect((await page('/fund/7')).units).toBe('2'))
  const second = await settled('/fund/7')
  setFunds({ 7: 3, 8: 1 })
  expect(await page('/fund/7')).toEqual(second)
  // From a process that has nothing to do with Next.js.
  await hf.cache.invalidateTags('fund:7')
  await soon(async () => expect((await page('/fund/7')).units).toBe('3'))
})

it('answers a route handler from the response cache, and drops the answer with the results that it was made of', async () => {
  const path = '/api/funds/8'
  // The first call makes the result, whose tags nobody knows before it is there.
  const hit = await soon(async () => {
    const answer = await api(path)
    expect(answer.cache).toBe('HIT')
    return answer
  })
  expect((await api(path)).body).toEqual(hit.body)
  expect([hit.body!.host, hit.body!.forwarded]).toEqual([new URL(url).host, null])
  expect((await api(path, { 'if-none-match': '"1"' })).status).toBe(304)
  expect((await fetch(url + path, { method: 'HEAD' })).headers.get('x-cache')).toBe('HIT')
  setFunds({ 7: 3, 8: 2 })
  await forget({ tag: 'fund:8' })
  await soon(async () => expect((await api(path)).body!.units).toBe(2))
})

it('makes a page anew whose path was revalidated, with the results that it shows', async () => {
  const first = await settled('/fund/8')
  await forget({ path: '/fund/8' })
  await soon(async () => {
    const next = await page('/fund/8')
    expect([next.render === first.render, next.call === first.call]).toEqual([false, false])
  })
})

it('lets nobody fill the answers of another host', async () => {
  const asked = await api('/api/funds/7?host', { 'x-forwarded-host': 'evil.test' })
  expect(asked.said).toContain('untrusted')
  expect((await api('/api/funds/7?host')).body!.forwarded).toBe(null)
})

it('is served encoded from a cache in front of all of it, pages too, and what they are made of still drops them', async () => {
  const port = await findFreePort()
  const env = {
    ...process.env,
    NODE_ENV: 'production' as const,
    NODE_OPTIONS: '',
    REDIS_URL,
    CACHE_NAMESPACE: namespace,
    FUNDS: join(folder, 'funds.json'),
  }
  behind = spawn(process.execPath, ['server.mjs', String(port)], { cwd: folder, env })
  behind.stderr?.on('data', text => {
    log += text
  })
  const look = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'accept-encoding': 'br' } })
    const { headers, status } = response
    const [, units] = /units (\d+),/.exec(await response.text()) ?? []
    return { status, coding: headers.get('content-encoding'), cache: headers.get('x-cache'), units }
  }
  await vi.waitFor(async () => expect((await look('/nowhere')).status).toBe(404), { timeout: 30_000 })
  const { units } = await page('/fund/7')
  await soon(async () => expect(await look('/fund/7')).toEqual({ status: 200, coding: 'br', cache: 'HIT', units }))
  setFunds({ 7: 9, 8: 2 })
  await hf.cache.invalidateTags('fund:7')
  expect((await look('/fund/7')).units).toBe('9')
  await soon(async () => expect(await look('/fund/7')).toEqual({ status: 200, coding: 'br', cache: 'HIT', units: '9' }))
})
