import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'))
let server: Server
let baseUrl: string

beforeAll(async () => {
  server = createServer((_request, response) => void response.end('ok'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => new Promise(resolve => server.close(resolve)))

function scenario(text: string): string {
  const path = join(folder, `${text.length}.yaml`)
  writeFileSync(path, text)
  return path
}

const SMALL = 'name: small\narrival: [{ rate: 50, seconds: 1 }]\nflow: [{ path: / }]\n'

describe('holdfast load', () => {
  it('runs a scenario, saves it, and compares it with itself as the same', async () => {
    const out = join(folder, 'run.json')
    const host = fakeHost()
    const code = await runCommandLine(['load', 'run', scenario(SMALL), '--base-url', baseUrl, '--out', out, '--json'], host)
    const result = JSON.parse(host.out())
    expect(result).toMatchObject({ schema: 'holdfast.load/1', scenario: 'small', requestCount: 50 })
    expect(code).toBe(result.valid ? 0 : 1)
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(result)
    const comparison = fakeHost()
    await runCommandLine(['load', 'compare', out, out, '--json'], comparison)
    expect(JSON.parse(comparison.out()).verdict).toBe(result.valid ? 'same' : 'invalid')
  })

  it('says where it could not save', async () => {
    const host = fakeHost()
    expect(
      await runCommandLine(['load', 'run', scenario(SMALL), '--base-url', baseUrl, '--out', join(folder, 'no', 'such', 'folder.json')], host),
    ).toBe(2)
    expect(host.err()).toContain('HF_CLI_FILE_UNWRITABLE')
  })

  it('names an unknown key of a scenario and the one that was meant', async () => {
    const host = fakeHost()
    expect(await runCommandLine(['load', 'run', scenario(SMALL.replace('arrival', 'arival')), '--base-url', baseUrl], host)).toBe(2)
    expect(host.err()).toMatch(/HF_LOAD_SCENARIO_INVALID.*arival.*arrival/)
  })

  it('ends with 3 when nobody answers, and refuses another host', async () => {
    const away = fakeHost()
    expect(await runCommandLine(['load', 'run', scenario(SMALL), '--base-url', 'http://127.0.0.1:9'], away)).toBe(3)
    expect(away.err()).toContain('HF_LOAD_TARGET_UNREACHABLE')
    const remote = fakeHost()
    expect(await runCommandLine(['load', 'run', scenario(SMALL), '--base-url', 'http://192.0.2.1'], remote)).toBe(2)
    expect(remote.err()).toContain('HF_LOAD_TARGET_NOT_LOCAL')
  })
})
