// A Redis for one bench: the one of the dev services, asked for once by the parent and handed to its candidates through the environment.
import { startServices } from '../packages/dev-services/dist/index.js'

const isParent = process.env.HOLDFAST_BENCH_CANDIDATE === undefined

/** Runs `bench` with `redisUrl()` answering; the server ends afterwards. */
export async function withRedis(bench) {
  if (!isParent) return bench()
  const services = await startServices({ only: ['redis'], durable: false, requireRedis: true })
  process.env.HOLDFAST_BENCH_REDIS_URL = services.cacheRedis.url
  process.env.HOLDFAST_BENCH_REDIS_PID = String(services.cacheRedis.pid)
  try {
    await bench()
  } finally {
    await services.stop()
  }
}

export function redisUrl() {
  return process.env.HOLDFAST_BENCH_REDIS_URL
}
