import type { Clock, Logger } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import type { StatementStore } from '../statement-store.ts'
import { RepeatBook } from './repeat-book.ts'
import { RepeatDetector } from './repeat-detector.ts'
import { createRepeatWatch } from './repeat-watch.ts'

/** What {@link createRepeats} works with. */
export interface RepeatsDeps {
  readonly store: StatementStore
  /** Routes and fingerprints whose repeats are meant. */
  readonly allowed: ReadonlySet<string>
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** Finds statements that a request sends again and again. */
export interface Repeats {
  readonly detector: RepeatDetector
  readonly book: RepeatBook
  /** Begins to count; returns the function that ends it. */
  start(): () => void
}

/** A detector, its book, and what both report. */
export function createRepeats({ store, allowed, registry, clock, logger }: RepeatsDeps): Repeats {
  const calls = registry.counter({
    name: 'holdfast_pg_repeated_statements',
    help: 'Statements of requests that sent the same one five times or more.',
    labels: ['rule'],
  })
  const requests = registry.counter({
    name: 'holdfast_pg_repeating_requests',
    help: 'Requests that sent one statement five times or more, for each such statement.',
    labels: ['rule'],
  })
  const overflow = registry.counter({ name: 'holdfast_pg_repeat_overflow', help: 'Repeats not counted for want of room.', labels: ['limit'] })
  const book = new RepeatBook({
    store,
    allowed,
    onRepeated(rule, callCount, isNew) {
      calls.bind(rule).add(callCount)
      if (isNew) requests.bind(rule).add()
    },
  })
  const detector = new RepeatDetector(book)
  let uncounted = 0
  let forgotten = 0
  const report = (): void => {
    overflow.bind('statements of a request').add(detector.uncountedCount - uncounted)
    overflow.bind('patterns').add(book.forgottenCount - forgotten)
    uncounted = detector.uncountedCount
    forgotten = book.forgottenCount
  }
  return {
    detector,
    book,
    start() {
      const unwatch = createRepeatWatch({ book, clock, logger })
      const remove = registry.onSnapshot(report)
      return () => {
        unwatch()
        report()
        remove()
      }
    },
  }
}
