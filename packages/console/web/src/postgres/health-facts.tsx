import type { ReactElement, ReactNode } from 'react'
import type { DatabaseHealthAnswer, DatabaseSizeAnswer } from '../../../src/api/database-contract.ts'
import { count, dateTime, percent, span } from '../format.ts'
import { Mark, type Tone } from '../parts/mark.tsx'
import { Meter } from '../parts/meter.tsx'
import { showBytes } from '../show-bytes.ts'

/** From this age on autovacuum drops everything else to freeze, as a share of the way to the stop. @source PostgreSQL 18, vacuum_failsafe_age: 1.6 of 2.1 billion */
const FAILSAFE_RATIO = 0.746

interface HealthFactsProps {
  readonly health: DatabaseHealthAnswer
  readonly size: DatabaseSizeAnswer | undefined
}

/** The database in a few numbers. */
export function HealthFacts({ health, size }: HealthFactsProps): ReactElement {
  const { hitRatio, deadlockCount, temporaryFileCount, temporaryBytes, commitCount, rollbackCount, countersSinceMs } = health
  const transactions = commitCount + rollbackCount
  const since = countersSinceMs === null ? 'since counting began' : `since ${dateTime(countersSinceMs)}`
  return (
    <section className="tiles fact-tiles" aria-label="The database in numbers">
      <Fact title="Size" value={size === undefined ? '–' : showBytes(size.sizeBytes)}>
        {size === undefined ? 'being read' : growthText(size)}
      </Fact>
      <Wraparound health={health} />
      <Fact title="Found in memory" value={hitRatio === null ? '–' : percent(hitRatio)}>
        of the blocks that PostgreSQL read, {since}
      </Fact>
      <Fact title="Rolled back" value={transactions === 0 ? '–' : percent(rollbackCount / transactions)}>
        {count(rollbackCount)} of {count(transactions)} transactions; {count(deadlockCount)} deadlocks, {since}
      </Fact>
      <Fact title="Temporary files" value={showBytes(temporaryBytes)}>
        {count(temporaryFileCount)} files, {since}: sorts and hashes beyond <code>work_mem</code>
      </Fact>
    </section>
  )
}

function growthText({ growth, historyNote }: DatabaseSizeAnswer): string {
  if (growth === null) return `growth is not known yet: ${historyNote ?? 'the history is younger than an hour'}`
  const sign = growth.bytesPerDay < 0 ? '−' : '+'
  return `${sign}${showBytes(Math.abs(growth.bytesPerDay))} a day over ${span((growth.toMs - growth.fromMs) / 1000)}, n ${count(growth.pointCount)}`
}

function Wraparound({ health: { wraparound } }: { readonly health: DatabaseHealthAnswer }): ReactElement {
  const { usedRatio, transactionAge, freezeMaxAge, oldest } = wraparound
  const [tone, word]: readonly [Tone, string] =
    usedRatio >= FAILSAFE_RATIO
      ? ['bad', 'vacuum now']
      : transactionAge > 2 * freezeMaxAge
        ? ['warn', 'autovacuum is behind']
        : ['ok', 'autovacuum keeps up']
  return (
    <Fact title="Transaction ids" value={percent(usedRatio)}>
      <Mark tone={tone}>{word}</Mark>
      <Meter label="transaction ids used on the way to the stop" ratio={usedRatio} />
      of the way to the stop of writes; oldest table {oldest[0] === undefined ? 'none' : `${oldest[0].name}, age ${count(oldest[0].age)}`}
    </Fact>
  )
}

function Fact({ title, value, children }: { readonly title: string; readonly value: string; readonly children: ReactNode }): ReactElement {
  return (
    <article className="tile fact-tile">
      <header className="tile-head">
        <h2>{title}</h2>
      </header>
      <p className="tile-value">
        <span className="value">{value}</span>
      </p>
      <div className="count">{children}</div>
    </article>
  )
}
