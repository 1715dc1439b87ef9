import { type AnswerTraffic, answersOf } from '../collect/answer-traffic.ts'
import { ratio } from '../collect/point.ts'
import type { CacheRouteRow } from './cache-contract.ts'

const BYPASS = 'bypass:'

/** What the response cache did for each route, most answers first. */
export function answerRows(routes: ReadonlyMap<string, AnswerTraffic>): CacheRouteRow[] {
  return [...routes].map(([route, answers]) => rowOf(route, answers)).sort((a, b) => b.answerCount - a.answerCount || a.route.localeCompare(b.route))
}

function rowOf(route: string, answers: AnswerTraffic): CacheRouteRow {
  const count = (outcome: string): number => answers.get(outcome) ?? 0
  const [hitCount, staleCount, collapsedCount] = [count('hit'), count('stale'), count('collapsed')]
  const [revalidatedCount, missCount] = [count('revalidated'), count('miss')]
  const withoutHandler = hitCount + staleCount + collapsedCount
  const bypasses = [...answers]
    .flatMap(([outcome, times]) => (outcome.startsWith(BYPASS) ? [{ reason: outcome.slice(BYPASS.length), count: times }] : []))
    .sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason))
  return {
    ...{ route, hitCount, staleCount, collapsedCount, revalidatedCount, missCount, bypasses },
    answerCount: answersOf(answers),
    hitRatio: ratio(withoutHandler, withoutHandler + revalidatedCount + missCount),
    bypassCount: bypasses.reduce((total, bypass) => total + bypass.count, 0),
  }
}
