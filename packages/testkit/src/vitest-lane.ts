// Set-up file of the integration tests: takes a lane that no other test file uses, and puts the addresses of its services into the environment, where tests and their
// child processes read them: `HOLDFAST_TEST_PG_URL`, `HOLDFAST_TEST_REDIS_URL` (cache) and `HOLDFAST_TEST_REDIS_JOBS_URL`. The lane is free again when this process is gone,
// with all that the file left running in it. Not by `VITEST_POOL_ID`: vitest 4.1 gives one number to two workers at a time after a group of other tests.
import { takeLock } from '@holdfast/dev-services'
import type { TestLane } from './vitest-services.ts'

const RETRY_MS = 20

if (process.env.HOLDFAST_TEST_PG_URL === undefined)
  Object.assign(process.env, (await freeLane(JSON.parse(process.env.HOLDFAST_TEST_SERVICES ?? '[]'))).env)

async function freeLane(lanes: readonly TestLane[]): Promise<TestLane> {
  for (;;) {
    for (const lane of lanes) if ((await takeLock(lane.lock)) !== undefined) return lane
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}
