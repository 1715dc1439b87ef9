import { holdfast } from 'holdfast'

/** One for the process: Next.js loads this module in several copies. */
export function hf() {
  if (process.env.NEXT_PHASE === 'phase-production-build') throw new Error('a build has no Redis')
  globalThis.hf ??= holdfast({
    redis: process.env.REDIS_URL,
    cache: { namespace: process.env.CACHE_NAMESPACE, jitter: 0 },
  })
  return globalThis.hf
}
