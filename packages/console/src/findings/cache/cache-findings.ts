import { createJudgedFindings, type JudgedFindings } from '../judged-findings.ts'
import { herd } from './herd.ts'
import { hotKey } from './hot-key.ts'
import type { CacheRule, CacheView } from './judgement.ts'
import { neverHit } from './never-hit.ts'
import { tooLarge } from './too-large.ts'
import { ttlTooShort } from './ttl-too-short.ts'
import { wholeCache } from './whole-cache.ts'

/** All rules about the cache. */
export const CACHE_RULES: readonly CacheRule[] = [ttlTooShort, neverHit, tooLarge, hotKey, herd, wholeCache]

/** What the console found about the cache, by comparing one minute with the next. */
export type CacheFindings = JudgedFindings<CacheView>

/** An empty book of findings about the cache. */
export function createCacheFindings(rules: readonly CacheRule[] = CACHE_RULES): CacheFindings {
  return createJudgedFindings({ rules, idPrefix: 'C', goneNote: 'no such reads for 15 minutes' })
}
