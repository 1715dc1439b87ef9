import type { Clock, ClockTimer, Logger } from '../../core/index.ts'
import type { RepeatBook, StatementRepeat } from './repeat-book.ts'

/** Time between two looks at requests that repeat statements. */
const LOOK_EVERY_MS = 1000
/** Least time between two lines in the log. */
const LOG_EVERY_MS = 60_000
/** Repeats in one line. */
const LOGGED_LIMIT = 5
const LOGGED_CHARS = 200

/** What {@link createRepeatWatch} works with. */
export interface RepeatWatchDeps {
  readonly book: RepeatBook
  readonly clock: Clock
  readonly logger: Logger
}

/** Lets the book count once a second, and writes what is new to the log, at most once a minute. Returns the function that counts a last time and ends it. */
export function createRepeatWatch({ book, clock, logger }: RepeatWatchDeps): () => void {
  let loggedMs = Number.NEGATIVE_INFINITY
  const logged = new Map<string, number>()

  const log = (): void => {
    const news = book.repeats().filter(repeat => repeat.requestCount > (logged.get(keyOf(repeat)) ?? 0))
    if (news.length === 0) return
    loggedMs = clock.monotonicMs()
    logged.clear()
    for (const repeat of book.repeats()) logged.set(keyOf(repeat), repeat.requestCount)
    const repeats = news.slice(0, LOGGED_LIMIT).map(({ text, ...repeat }) => ({ ...repeat, text: text.slice(0, LOGGED_CHARS) }))
    logger.warn({ repeats }, `requests send the same statement again and again: ${describe(news[0]!)}${others(news.length - 1)}`)
  }
  const look = (): void => {
    timer = clock.after(LOOK_EVERY_MS, look)
    book.look()
    if (clock.monotonicMs() - loggedMs >= LOG_EVERY_MS) log()
  }
  let timer: ClockTimer = clock.after(LOOK_EVERY_MS, look)
  return () => {
    timer.cancel()
    book.look(true)
  }
}

function keyOf({ rule, fingerprint, route }: StatementRepeat): string {
  return `${rule} ${fingerprint} ${route}`
}

function others(count: number): string {
  return count === 0 ? '' : `, and ${count} more`
}

/** `GET /leads: 25 times at src/routes/leads.ts:40:12 (select …)`, without a literal. */
function describe({ rule, route, callSite, mostCalls, text }: StatementRepeat): string {
  const what = rule === 'pg/n-plus-one' ? `${mostCalls} times with other parameters` : `${mostCalls} times with the same parameters`
  return `${route ?? 'outside of a route'}: ${what}${callSite === undefined ? '' : ` at ${callSite}`} (${text.slice(0, LOGGED_CHARS)})`
}
