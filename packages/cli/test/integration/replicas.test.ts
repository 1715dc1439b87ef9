import { createConsole, localInstance } from '@holdfast/console'
import { type Replication, startReplication } from '@holdfast/dev-services'
import { holdfast } from 'holdfast'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

let servers: Replication

beforeAll(async () => {
  const { DATABASE_URL: _, ...env } = process.env
  servers = await startReplication({ env })
})
afterAll(() => servers.stop())

it('prints replicas as the primary sees them', async () => {
  const host = fakeHost({ DATABASE_URL: servers.primary.url })
  expect(await runCommandLine(['db', 'pool'], host)).toBe(0)
  expect(host.out()).toMatch(/\n\nreplica +state +commits wait +log not replayed +replay lag\nreplica_1 +streaming +async +[\d.]+ [kM]?B/)
  const asJson = fakeHost({ DATABASE_URL: servers.primary.url })
  await runCommandLine(['db', 'pool', '--json'], asJson)
  expect(JSON.parse(asJson.out())).toMatchObject({
    schema: 'holdfast.db-pool/1',
    replication: { isStandby: false, standbys: [{ name: 'replica_1' }] },
  })
  const onReplica = fakeHost({ DATABASE_URL: servers.replicas[0]!.url })
  await runCommandLine(['db', 'pool'], onReplica)
  expect(onReplica.out()).toMatch(/\n\nthis server is a replica, /)
})

it('shows in the API of a console where reads went, and what each instance knows of its replicas', async () => {
  const hf = await holdfast({ pg: servers.primary.url, pgReplicas: [servers.replicas[0]!.url], postgres: { replicas: { lookEvery: '50ms' } } })
  const console = createConsole({ sources: [localInstance(hf)], auth: { kind: 'token', token: 'a-token-of-the-tests' } })
  await console.start()
  type Replicas = { servers: { name: string }[]; instances: object[]; onReplicas: { value: number | null; n: number }; reads: { server: string }[] }
  const ask = async (): Promise<Replicas> => {
    await hf.pg.read('select 1')
    const headers = { authorization: 'Bearer a-token-of-the-tests' }
    const address = 'http://127.0.0.1/api/v1/performance/database/connection-pool'
    return ((await (await console.fetch(new Request(address, { headers }))).json()) as { replicas: Replicas }).replicas
  }
  try {
    const onReplica = { value: expect.any(Number), n: expect.any(Number) }
    await expect.poll(async () => (await ask())?.onReplicas.value ?? 0, { timeout: 20_000 }).toBeGreaterThan(0)
    const { host } = new URL(servers.replicas[0]!.url)
    expect(await ask()).toMatchObject({
      servers: [{ name: host, status: 'used', position: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/), lagBytes: 0, circuit: 'closed' }],
      instances: [{ primaryPosition: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/), replayLimitMs: 5 }],
      onReplicas: onReplica,
      reads: expect.arrayContaining([{ server: host, reason: 'chosen', count: expect.any(Number), share: expect.any(Number) }]),
    })
  } finally {
    await console.stop()
    await hf.stop()
  }
})
