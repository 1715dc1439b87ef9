import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { openApiDocument } from '../src/api/openapi.ts'
import { ROUTE_DOCS } from '../src/api/route-docs.ts'
import { consoleErrors, createConsole } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'

const TOKEN = 'a-token-of-the-tests'
const root = fileURLToPath(new URL('../../../', import.meta.url))

function openConsole() {
  return createConsole({ sources: [new FakeService(fakeClock())], auth: { kind: 'token', token: TOKEN } })
}

/** What Hono serves under `api/`, without middleware and the catch-all. */
function servedRoutes(): string[] {
  const routes = openConsole().app.routes.filter(({ path, method }) => path.startsWith('/api/') && method !== 'ALL' && !path.endsWith('*'))
  return [...new Set(routes.map(({ method, path }) => `${method} ${path.replaceAll(/\{[^}]*\}/g, '')}`))].sort()
}

describe('the OpenAPI document', () => {
  it('has exactly the addresses that are served', () => {
    expect(ROUTE_DOCS.map(({ method, path }) => `${method.toUpperCase()} /${path}`).sort()).toEqual(servedRoutes())
  })

  it('is served to those who may look, and is what the sources say', async () => {
    const console = openConsole()
    const ask = (headers: Record<string, string>) => console.fetch(new Request('http://127.0.0.1/api/openapi.json', { headers }))
    expect((await ask({})).status).toBe(401)
    const response = await ask({ authorization: `Bearer ${TOKEN}` })
    expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApiDocument())))
  })

  it('refuses a caller below the role that it names', async () => {
    const viewer = createConsole({ sources: [new FakeService(fakeClock())], auth: { kind: 'custom', verify: async () => 'view' } })
    for (const { method, path, role } of ROUTE_DOCS) {
      if (role === 'view') continue
      const init = method === 'post' ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' } : {}
      const response = await viewer.fetch(new Request(`http://127.0.0.1/${path.replace(':action', 'apply').replaceAll(/:\w+/g, 'x')}`, init))
      expect([path, response.status]).toEqual([path, 403])
    }
  })

  it('wants JSON and the header against forgery for every change', async () => {
    const admin = createConsole({ sources: [new FakeService(fakeClock())], auth: { kind: 'custom', verify: async () => 'admin' } })
    for (const { method, path } of ROUTE_DOCS) {
      if (method !== 'post') continue
      const address = `http://127.0.0.1/${path.replace(':action', 'apply').replaceAll(/:\w+/g, 'x')}`
      const form = await admin.fetch(new Request(address, { method: 'POST', body: 'a=b', headers: { 'content-type': 'text/plain' } }))
      const withoutHeader = await admin.fetch(new Request(address, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }))
      for (const response of [form, withoutHeader])
        expect([path, ((await response.json()) as { code: string }).code]).toEqual([path, 'HF_CONSOLE_CSRF'])
    }
  })

  it('names only codes that exist', async () => {
    const page = await readFile(`${root}docs/reference/errors.md`, 'utf8')
    for (const { refusals } of ROUTE_DOCS) for (const code of refusals) expect(page).toContain(`\`${code}\``)
    expect(Object.keys(consoleErrors.definitions)).toContain('HF_CONSOLE_CSRF')
  })

  it('is what docs/reference/rest-api.md was rendered from', async () => {
    const { renderRestPage } = await import(new URL('../../../scripts/render-rest-page.mjs', import.meta.url).href)
    expect(await readFile(`${root}docs/reference/rest-api.md`, 'utf8')).toBe(renderRestPage(openApiDocument()))
  })
})
