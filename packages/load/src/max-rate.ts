import type { Worker } from 'node:worker_threads'
import { runLoad } from './run-load.ts'
import { startThread } from './thread.ts'

/** One rate that was tried. */
export interface MaxRateStep {
  readonly ratePerSec: number
  readonly valid: boolean
  readonly driftP99Ms: number
  readonly cpuRatio: number
}

/** What the generator can do on this machine. */
export interface MaxRate {
  /** Highest rate tried that was valid; 0 when none was. */
  readonly maxPerSec: number
  readonly steps: readonly MaxRateStep[]
}

/** Options of {@link measureMaxRate}. */
export interface MaxRateOptions {
  /** First rate; it is doubled until a step is invalid. Default 1,000. */
  readonly fromPerSec?: number
  /** Length of a step. Default 2. */
  readonly stepSeconds?: number
  /** Halvings between the last valid rate and the first invalid one. Default 3, which finds the maximum to an eighth. */
  readonly halvings?: number
  /** How often a rate is tried before it counts as too high: what else the machine does can spoil a step, and nothing can make one better. Default 2. */
  readonly attempts?: number
  readonly signal?: AbortSignal
}

/** No generator of one thread comes near; ends the doubling if a clock is broken. */
const RATE_LIMIT_PER_SEC = 1_000_000
/** Allows 2.5 ms of drift. */
const STRICT_SLO = { p95Ms: 25 }

/** Finds the highest rate at which the generator keeps to its intended times (within {@link STRICT_SLO}), against a server that does nothing, in a thread
 *  of its own. Takes about ten steps. The same processors serve both, so with two of them this is the lower bound.
 *  @throws HF_LOAD_WORKER_FAILED when the package was not built. */
export async function measureMaxRate(options: MaxRateOptions = {}): Promise<MaxRate> {
  const { fromPerSec = 1000, stepSeconds = 2, halvings = 3, attempts = 2, signal } = options
  const server = startThread('null-server-thread')
  try {
    const baseUrl = await originOf(server)
    const steps: MaxRateStep[] = []
    const isValidAt = async (ratePerSec: number): Promise<boolean> => {
      const scenario = { name: 'null server', slo: STRICT_SLO, arrival: [{ rate: ratePerSec, seconds: stepSeconds }], flow: [{ path: '/' }] }
      for (let attempt = 0; attempt < attempts; attempt++) {
        const { valid, generator } = await runLoad(scenario, { baseUrl, ...(signal === undefined ? {} : { signal }) })
        steps.push({ ratePerSec, valid, driftP99Ms: generator.driftP99Ms, cpuRatio: generator.cpuRatio })
        if (valid) return true
      }
      return false
    }
    let low = 0
    let high = fromPerSec
    while (high < RATE_LIMIT_PER_SEC && (await isValidAt(high))) {
      low = high
      high *= 2
    }
    for (let i = 0; i < halvings; i++) {
      const middle = Math.round((low + high) / 2)
      if (await isValidAt(middle)) low = middle
      else high = middle
    }
    return { maxPerSec: low, steps }
  } finally {
    await server.terminate()
  }
}

function originOf(server: Worker): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('message', resolve)
    server.once('error', reject)
  })
}
