import type { Judgement } from '../cache/judgement.ts'
import { share, span, whole } from '../cache/judgement.ts'
import type { RepeatTraffic, RepeatView } from './repeat-view.ts'

/** Requests in a minute from which on it is a pattern and not somebody's one large page. */
const LEAST_REQUESTS = 3
/** Requests of the route without a repeat that say it is mended. */
const LEAST_GOOD_REQUESTS = 10

/** A request sends the same statement again and again: with other parameters (N+1), or the very same read. */
export function repeatedStatement({ minute, patterns }: RepeatView): readonly Judgement[] {
  const statementMs = [...minute.traffic.statements.values()].reduce((total, { totalMs }) => total + totalMs, 0)
  return patterns.flatMap((pattern): Judgement[] => {
    const { rule, fingerprint, route, requestCount, callCount, repeatMs } = pattern
    const subject = `${fingerprint} ${route ?? ''}`
    const reads = { readCount: callCount, windowMs: minute.coveredMs, totalMs: repeatMs }
    const served = route === undefined ? 0 : (minute.traffic.routes.get(route)?.total.count ?? 0)
    if (requestCount === 0) {
      if (served < LEAST_GOOD_REQUESTS) return []
      return [{ rule, subject, is: 'good', reads, why: `none of ${whole(served)} requests sent it five times` }]
    }
    if (requestCount < LEAST_REQUESTS) return []
    const why = `${whole(callCount)} calls by ${whole(requestCount)} requests, ${span(repeatMs)} for all but the first of each`
    const shareOfTime = statementMs === 0 ? 0 : Math.min(1, repeatMs / statementMs)
    const savesMsPerSec = repeatMs / (minute.coveredMs / 1000)
    const statement = pattern.text
    return [
      { rule, subject, is: 'bad', reads, why, statement, savesMsPerSec, shareOfTime, ...wordingOf(pattern), figures: figuresOf(pattern, served) },
    ]
  })
}

function figuresOf(pattern: RepeatTraffic, served: number): { name: string; value: string }[] {
  const { requestCount, callCount, distinctCount, mostCalls, repeatMs, callSite, route } = pattern
  return [
    { name: 'Sent by', value: callSite ?? 'a line that its stack did not tell: wrap the ORM with hf.pg.trace in development' },
    { name: 'Route', value: route ?? 'outside of HTTP' },
    {
      name: 'Calls a request',
      value: `${whole(callCount / requestCount)} in the mean, ${whole(mostCalls)} at most, n ${whole(requestCount)} requests`,
    },
    ...(served === 0 ? [] : [{ name: 'Share of the requests', value: `${share(Math.min(1, requestCount / served))} of ${whole(served)}` }]),
    { name: 'Different parameters', value: `${whole(distinctCount)} in ${whole(callCount)} calls` },
    { name: 'Time of the repeats', value: `${span(repeatMs)}, ${(repeatMs / Math.max(1, callCount - requestCount)).toFixed(2)} ms each` },
  ]
}

type Bad = Extract<Judgement, { is: 'bad' }>

function wordingOf(pattern: RepeatTraffic): Pick<Bad, 'title' | 'recommendation'> {
  const { rule, route, callSite, isWrite, callCount, requestCount } = pattern
  const times = whole(callCount / requestCount)
  const where = callSite ?? route ?? 'the loop'
  const from = `${times} statements a request`
  if (rule === 'pg/duplicate-read') {
    return {
      title: `${route ?? 'a job'} reads the same ${times} times in one request`,
      recommendation: {
        summary: `read once and pass the rows on, in ${where}; or put hf.cache.getOrSet around the read, which also joins callers that ask at once`,
        option: { name: where, from, to: '1 statement a request' },
        costNote: 'none, unless the request relies on seeing its own writes between the reads',
        risk: 'low',
      },
    }
  }
  const summary = isWrite
    ? `write all rows with one statement (insert ... select from unnest($1, $2), or update ... from unnest), in ${where}`
    : `load all rows with one statement (where id = any($1), a join, the ORM's include, or a DataLoader), in ${where}`
  return {
    title: `${route ?? 'a job'} sends one statement ${times} times a request with other parameters (N+1)`,
    recommendation: {
      summary,
      option: { name: where, from, to: '1 statement a request' },
      costNote: 'one larger answer instead of many small ones; bound the list, as with pages. Repeats that are meant: hf.pg.allowRepeats',
      risk: 'low',
    },
  }
}
