// Set-up file of the integration tests: puts the addresses of this lane's services into the environment, where tests and their child processes read them:
// `HOLDFAST_TEST_PG_URL`, `HOLDFAST_TEST_REDIS_URL` (cache) and `HOLDFAST_TEST_REDIS_JOBS_URL`.
const lanes: readonly Record<string, string>[] = JSON.parse(process.env.HOLDFAST_TEST_SERVICES ?? '[]')
// vitest counts its workers from 1 to maxWorkers; a worker that starts anew for the next file keeps the number.
Object.assign(process.env, lanes[Number(process.env.VITEST_POOL_ID ?? 1) - 1])
