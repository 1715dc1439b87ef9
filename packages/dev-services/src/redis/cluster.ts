import { setTimeout as sleep } from 'node:timers/promises'
import { type OwnServer, type RedisServers, startRedisServers } from './servers.ts'

/** A Redis Cluster of a test. */
export interface RedisCluster extends AsyncDisposable {
  /** Three primaries and, after them, a replica of each. */
  readonly servers: readonly OwnServer[]
  /** The primaries as of now. */
  primaries(): Promise<OwnServer[]>
  stop(): Promise<void>
}

const PRIMARIES = 3
const SLOTS = 16_384
const LIMIT_MS = 20_000
const LOOK_MS = 50

/** Starts three primaries, each with a replica, and waits until the cluster is whole. A primary that does not answer for `nodeTimeoutMs` is replaced.
 *  Slots that no primary serves do not stop the others. Everything ends with `stop()` and with this process.
 *  @throws HF_REDIS_UNOBTAINABLE */
export async function startRedisCluster({ nodeTimeoutMs = 1000 }: { readonly nodeTimeoutMs?: number } = {}): Promise<RedisCluster> {
  const fleet = await startRedisServers()
  try {
    const servers = await Promise.all(Array.from({ length: 2 * PRIMARIES }, () => startMember(fleet, nodeTimeoutMs)))
    await join(servers)
    return {
      servers: servers.map(({ server }) => server),
      primaries: () => primariesOf(servers.map(({ server }) => server)),
      stop: fleet.stop,
      [Symbol.asyncDispose]: fleet.stop,
    }
  } catch (error) {
    await fleet.stop()
    throw error
  }
}

interface Member {
  readonly server: OwnServer
  readonly busPort: number
}

async function startMember(fleet: RedisServers, nodeTimeoutMs: number): Promise<Member> {
  // By default 10,000 above the port, which may be no port at all.
  const busPort = await fleet.freePort()
  const server = await fleet.start([
    'cluster-enabled yes',
    `cluster-port ${busPort}`,
    `cluster-node-timeout ${nodeTimeoutMs}`,
    'cluster-require-full-coverage no',
    'repl-diskless-sync-delay 0',
    'save ""',
    'appendonly no',
  ])
  return { server, busPort }
}

async function join(members: readonly Member[]): Promise<void> {
  const primaries = members.slice(0, PRIMARIES)
  await Promise.all(members.map(({ server }, i) => server.client.call('cluster', 'set-config-epoch', i + 1)))
  for (const [i, { server }] of primaries.entries()) {
    const from = Math.floor((i * SLOTS) / PRIMARIES)
    const to = Math.floor(((i + 1) * SLOTS) / PRIMARIES)
    await server.client.call('cluster', 'addslots', ...Array.from({ length: to - from }, (_, slot) => from + slot))
  }
  const [first, ...others] = members as [Member, ...Member[]]
  for (const { server, busPort } of others) await first.server.client.call('cluster', 'meet', '127.0.0.1', server.port, busPort)
  await until(members, text => Number(/cluster_known_nodes:(\d+)/.exec(text)?.[1]) === members.length)
  const ids = await Promise.all(primaries.map(({ server }) => server.client.call('cluster', 'myid') as Promise<string>))
  for (const [i, { server }] of members.slice(PRIMARIES).entries()) await retried(() => server.client.call('cluster', 'replicate', ids[i]!))
  await until(members, text => text.includes('cluster_state:ok'))
  for (const { server } of members.slice(PRIMARIES)) {
    await untilTrue(async () => /master_link_status:up/.test(await server.client.info('replication')))
  }
  // All have heard who replicates whom: two numbers and two servers in each row.
  for (const { server } of members) {
    await untilTrue(async () => ((await server.client.call('cluster', 'slots')) as unknown[][]).every(row => row.length === 4))
  }
}

async function primariesOf(servers: readonly OwnServer[]): Promise<OwnServer[]> {
  for (const asked of servers) {
    const text = (await Promise.race([asked.client.call('cluster', 'nodes').catch(() => ''), sleep(300, '')])) as string
    const ports = text
      .split('\n')
      .filter(line => /\bmaster\b/.test(line) && !/fail/.test(line) && /\d+-\d+/.test(line.split(' connected')[1] ?? ''))
      .map(line => Number(/:(\d+)@/.exec(line)?.[1]))
    if (ports.length > 0) return servers.filter(({ port }) => ports.includes(port))
  }
  throw new Error('no member of the cluster answers')
}

function until(members: readonly Member[], holds: (info: string) => boolean): Promise<void> {
  return untilTrue(async () => {
    const texts = await Promise.all(members.map(({ server }) => server.client.call('cluster', 'info') as Promise<string>))
    return texts.every(holds)
  })
}

function retried(work: () => Promise<unknown>): Promise<void> {
  return untilTrue(() =>
    work().then(
      () => true,
      () => false,
    ),
  )
}

async function untilTrue(holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + LIMIT_MS
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`the cluster was not whole within ${LIMIT_MS} ms`)
    await sleep(LOOK_MS)
  }
}
