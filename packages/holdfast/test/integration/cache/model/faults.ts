import { delay, systemClock } from '../../../../src/core/index.ts'
import { FAULT_BOUND_MS } from './check.ts'
import type { Fleet } from './fleet.ts'

/** One fault, begun, endured and ended. Marks the times in which other processes may be late, and no more. */
type Fault = (fleet: Fleet, random: () => number) => Promise<void>

const pause = (forMs: number): Promise<void> => delay(systemClock, forMs)
const between = (random: () => number, least: number, most: number): number => least + random() * (most - least)

async function killClients(fleet: Fleet, name: string): Promise<void> {
  const list = (await fleet.redis.client('LIST')) as string
  const ids = list.split('\n').flatMap(line => (line.includes(` name=${name} `) ? [/\bid=(\d+)/.exec(line)![1]!] : []))
  for (const id of ids) await fleet.redis.client('KILL', 'ID', id).catch(() => undefined)
}

/** Reconnecting takes a moment, in which the connection is away although nothing is done to it any more. */
const RECONNECT_MS = 300

const FAULTS: Readonly<Record<string, Fault>> = {
  async cutInvalidation(fleet) {
    const end = fleet.during('deaf', 'cutInvalidation')
    fleet.proxy.cut('invalidation')
    await pause(RECONNECT_MS)
    end()
  },
  async cutData(fleet) {
    const end = fleet.during('away', 'cutData')
    fleet.proxy.cut('data')
    await pause(RECONNECT_MS)
    end()
  },
  async silenceInvalidation(fleet, random) {
    const end = fleet.during('deaf', 'silenceInvalidation')
    fleet.proxy.swallow('invalidation', true)
    await pause(between(random, 300, 2500))
    fleet.proxy.swallow('invalidation', false)
    end()
  },
  async silenceData(fleet, random) {
    const end = fleet.during('away', 'silenceData')
    fleet.proxy.swallow('data', true)
    await pause(between(random, 100, 600))
    // TCP has no holes: a connection that lost bytes never speaks again, or answers would be taken for those of other commands.
    fleet.proxy.cut('data')
    fleet.proxy.swallow('data', false)
    await pause(RECONNECT_MS)
    end()
  },
  async holdBack(fleet, random) {
    const end = fleet.during('away', 'holdBack')
    for (const route of ['data', 'invalidation'] as const) fleet.proxy.hold(route, true)
    await pause(between(random, 20, 300))
    for (const route of ['data', 'invalidation'] as const) fleet.proxy.hold(route, false)
    await pause(RECONNECT_MS)
    end()
  },
  async partition(fleet, random) {
    const end = fleet.during('away', 'partition')
    fleet.proxy.partition(true)
    await pause(between(random, 100, 600))
    fleet.proxy.partition(false)
    // Attempts to connect are up to half a second apart.
    await pause(2 * RECONNECT_MS)
    end()
  },
  async freezeRedis(fleet, random) {
    const end = fleet.during('away', 'freezeRedis')
    process.kill(fleet.redisPid, 'SIGSTOP')
    await pause(between(random, 30, 900))
    process.kill(fleet.redisPid, 'SIGCONT')
    await pause(RECONNECT_MS)
    end()
  },
  async killDataClients(fleet) {
    const end = fleet.during('away', 'killDataClients')
    await killClients(fleet, 'holdfast-cache')
    await pause(RECONNECT_MS)
    end()
  },
  async killInvalidationClients(fleet) {
    const end = fleet.during('deaf', 'killInvalidationClients')
    await killClients(fleet, 'holdfast-cache-invalidation')
    await pause(RECONNECT_MS)
    end()
  },
  async flush(fleet) {
    fleet.noteFlush()
    await fleet.redis.flushdb()
  },
  async evictTags(fleet) {
    const names = await fleet.redis.keys(`hf:${fleet.namespace}:t:*`)
    if (names.length > 0) await fleet.redis.unlink(...names)
  },
  async evictLeases(fleet) {
    const names = await fleet.redis.keys(`hf:${fleet.namespace}:l:*`)
    if (names.length > 0) await fleet.redis.unlink(...names)
  },
  async killProcess(fleet) {
    await fleet.replaceVictim()
  },
}

/** Names of all faults. */
export const ALL_FAULTS: readonly string[] = Object.keys(FAULTS)

/** Plays one fault after the other, in an order that `random` gives, each until its effects are over, until the histories end. */
export async function playFaults(
  fleet: Fleet,
  names: readonly string[],
  random: () => number,
  signal: AbortSignal,
  played: (name: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    const name = names[Math.floor(random() * names.length)]!
    played(name)
    await FAULTS[name]!(fleet, random)
    // Between two faults there is a time in which nothing excuses anybody.
    await pause(signal.aborted ? 0 : between(random, 0.2, 1) * FAULT_BOUND_MS)
  }
}
