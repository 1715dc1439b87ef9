import { runLoad, type Scenario } from '@holdfast/load'
import type { DemoService } from './service.ts'

/** Requests in flight at once while the service is offered more than it can do. */
const IN_FLIGHT = 32
/** More than two cores can answer with any database behind them; what exceeds the limit in flight is not sent. */
const OFFERED_PER_SEC = 4000
const SECONDS = 2

/** Answered requests per second when there is always another one waiting. It is a property of the service on this machine with the generator
 *  beside it, and no latency may be read off it: such a run is overloaded on purpose. */
export async function measureSaturation(service: DemoService, scenario: Scenario, signal: AbortSignal): Promise<number> {
  const run = await runLoad(
    { ...scenario, arrival: [{ rate: OFFERED_PER_SEC, seconds: SECONDS }], maxInFlight: IN_FLIGHT },
    { baseUrl: service.baseUrl, signal },
  )
  return Math.round(run.achievedPerSec)
}

/** The rate of all steps: a share of what the plain service can do, so that it is loaded but not collapsed. */
export function chooseRate(saturationPerSec: number): number {
  const share = 0.45
  const rate = Math.round((saturationPerSec * share) / 5) * 5
  return Math.min(300, Math.max(20, rate))
}
