import { startServices } from '@holdfast/dev-services'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../cache/seeded-random.ts'
import { checkEvidence } from './model/check.ts'
import { ALL_FAULTS, playFaults } from './model/faults.ts'
import { type Fleet, startFleet } from './model/fleet.ts'
import { MUTANTS } from './model/mutants.ts'

/** Seconds for each of the tests below; `npm run test:model` takes longer. */
const SECONDS = Number(process.env.HOLDFAST_TEST_MODEL_SECONDS ?? 3)
/** Given to see the same histories and the same faults again; what the machine does in between is its own affair. */
const SEED = Number(process.env.HOLDFAST_TEST_SEED ?? Date.now() % 1_000_000_000)
/** A mutant must be found within this. */
const MUTANT_SECONDS = 40
/** What is checked together. */
const BATCH_MS = 6000

let services: Awaited<ReturnType<typeof startServices>>
beforeAll(async () => {
  services = await startServices({ only: ['redis'], durable: false, requireRedis: true })
})
afterAll(() => services.stop())

const redis = (): { url: string; pid: number } => ({ url: services.cacheRedis!.url, pid: services.cacheRedis!.pid! })

/** Runs histories for `seconds`, or until one is violated. */
async function search(
  fleet: Fleet,
  seconds: number,
  names: readonly string[],
  batchMs = BATCH_MS,
): Promise<{ histories: number; reads: number; found: string[]; faults: string[] }> {
  const faults: string[] = []
  let histories = 0
  let reads = 0
  const endMs = performance.now() + seconds * 1000
  for (let leftMs = seconds * 1000; leftMs > 0; leftMs = endMs - performance.now()) {
    const fromSeed = SEED + histories
    const random = seededRandom(fromSeed)
    const evidence = await fleet.run({
      fromSeed,
      forMs: Math.min(leftMs, batchMs),
      ...(names.length > 0 ? { faults: (one: Fleet, signal: AbortSignal) => playFaults(one, names, random, signal, name => faults.push(name)) } : {}),
    })
    const checked = checkEvidence(evidence)
    histories += evidence.histories
    reads += checked.reads
    if (checked.violations.length > 0) {
      const again = `again with HOLDFAST_TEST_SEED=${fromSeed}`
      const found = checked.violations.slice(0, 5).map(({ history, what }) => `history ${history}: ${what}`)
      return { histories, reads, found: [...found, `${checked.violations.length} in all; ${again}; faults: ${faults}`], faults }
    }
  }
  return { histories, reads, found: [], faults }
}

describe.each([['auto'], ['pubsub']] as const)('histories of three processes, coherence %s', coherence => {
  it.each([
    ['while all is well', []],
    ['while connections, processes and Redis fail', ALL_FAULTS],
  ] as const)('never show what was there before an acknowledged change, %s', { timeout: SECONDS * 1000 + 60_000 }, async (_, names) => {
    await using fleet = await startFleet(redis().url, redis().pid, coherence)
    const { histories, reads, found, faults } = await search(fleet, SECONDS, names)
    expect(found).toEqual([])
    expect(reads).toBeGreaterThan(histories * 5)
    if (process.env.HOLDFAST_TEST_MODEL_SECONDS !== undefined)
      process.stderr.write(`${coherence}: ${histories} histories, ${reads} reads, faults: ${faults}\n`)
  })
})

// With the long run only: each needs processes of its own.
if (process.env.HOLDFAST_TEST_MODEL_SECONDS !== undefined) {
  describe('the model', () => {
    it.each(MUTANTS)('finds out when $name', { timeout: 120_000 }, async ({ name, changes, faults = [] }) => {
      await using fleet = await startFleet(redis().url, redis().pid, 'auto', changes)
      const { histories, found } = await search(fleet, MUTANT_SECONDS, faults, faults.length > 0 ? BATCH_MS : 1000)
      process.stderr.write(`${name}: within ${histories} histories, ${found[0]}\n`)
      expect(found).not.toEqual([])
    })
  })
}
