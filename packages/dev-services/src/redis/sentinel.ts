import { setTimeout as sleep } from 'node:timers/promises'
import { type OwnServer, startRedisServers } from './servers.ts'

/** A primary with a replica, watched by three sentinels, of a test. */
export interface RedisSentinel extends AsyncDisposable {
  readonly primary: OwnServer
  readonly replica: OwnServer
  readonly sentinels: readonly OwnServer[]
  /** What the sentinels call the primary. */
  readonly name: string
  stop(): Promise<void>
}

const NAME = 'mymaster'
const LIMIT_MS = 20_000
const LOOK_MS = 50

/** Starts them and waits until each sentinel knows the others and the replica. A primary that does not answer for `downAfterMs` is replaced. Everything ends
 *  with `stop()` and with this process. @throws HF_REDIS_UNOBTAINABLE */
export async function startRedisSentinel({ downAfterMs = 500 }: { readonly downAfterMs?: number } = {}): Promise<RedisSentinel> {
  const fleet = await startRedisServers()
  try {
    const volatile = ['save ""', 'appendonly no', 'repl-diskless-sync-delay 0']
    const primary = await fleet.start(volatile)
    const replica = await fleet.start([...volatile, `replicaof 127.0.0.1 ${primary.port}`])
    await untilTrue(async () => /master_link_status:up/.test(await replica.client.info('replication')))
    const watch = [
      `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      `sentinel failover-timeout ${NAME} 3000`,
    ]
    const sentinels = await Promise.all([0, 1, 2].map(() => fleet.start(watch, 'sentinel')))
    for (const { client } of sentinels) await untilTrue(async () => /slaves=1,sentinels=3/.test(await client.info('sentinel')))
    return { primary, replica, sentinels, name: NAME, stop: fleet.stop, [Symbol.asyncDispose]: fleet.stop }
  } catch (error) {
    await fleet.stop()
    throw error
  }
}

async function untilTrue(holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + LIMIT_MS
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`the sentinels did not find each other within ${LIMIT_MS} ms`)
    await sleep(LOOK_MS)
  }
}
