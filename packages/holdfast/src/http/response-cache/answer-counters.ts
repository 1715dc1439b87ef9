import { type Counter, OVERFLOW_LABEL, type Registry } from '../../telemetry/index.ts'
import { outcomeName } from './outcome-name.ts'
import type { Outcome } from './respond.ts'
import type { AroundReason } from './routing.ts'

/** Counts answers by route and by how they came about. */
export interface AnswerCounters {
  /** An answer that went through the cache. Three Map look-ups. */
  count(route: string, outcome: Outcome): void
  /** A request that went around it. */
  countAround(route: string, why: AroundReason): void
}

/** Routes kept apart before further ones count as `other`; each has about four outcomes, and a metric holds 1,000 series. */
const ROUTE_LIMIT = 200

/** Counters of `registry`. */
export function createAnswerCounters(registry: Registry): AnswerCounters {
  const answers = registry.counter({
    name: 'holdfast_http_cache_answers',
    help: 'Answers of the response cache, by route and by how they came about.',
    labels: ['route', 'outcome'],
  })
  const routes = new Map<string, Map<string, Counter>>()
  const add = (given: string, outcome: string): void => {
    const route = routes.has(given) || routes.size < ROUTE_LIMIT ? given : OVERFLOW_LABEL
    let counters = routes.get(route)
    if (counters === undefined) {
      counters = new Map()
      routes.set(route, counters)
    }
    let counter = counters.get(outcome)
    if (counter === undefined) {
      counter = answers.bind(route, outcome)
      counters.set(outcome, counter)
    }
    counter.add()
  }
  return {
    count: (route, outcome) => add(route, outcomeName(outcome)),
    countAround: (route, why) => add(route, `bypass:${why}`),
  }
}
