import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { fetchHealth, fetchSize } from '../api/database-client.ts'
import { Panel } from '../parts/panel.tsx'
import { Reading } from '../parts/reading.tsx'
import { HealthFacts } from './health-facts.tsx'
import { LockChains } from './lock-chains.tsx'
import { LongTransactions } from './long-transactions.tsx'
import type { PostgresTabProps } from './postgres-page.tsx'
import { Replication } from './replication.tsx'
import { TablesPanel } from './tables-panel.tsx'

const REFRESH_MS = 5000
const SIZE_REFRESH_MS = 60_000

/** Locks, long transactions, wraparound, replication, and how the tables are kept. */
export function HealthTab({ live, linkTo }: PostgresTabProps): ReactElement {
  const every = (ms: number): number | false => (live.paused ? false : ms)
  const health = useQuery({ queryKey: ['health'], queryFn: ({ signal }) => fetchHealth(signal), refetchInterval: every(REFRESH_MS) })
  const size = useQuery({ queryKey: ['size'], queryFn: ({ signal }) => fetchSize(signal), refetchInterval: every(SIZE_REFRESH_MS) })
  return (
    <Reading reading={health} label="Asking the database how it is">
      {answer => (
        <>
          <HealthFacts health={answer} size={size.data} />
          <Panel title="Locks" aside="who waits for whom, now">
            <LockChains locks={answer.locks} />
          </Panel>
          <Panel title="Long transactions" aside="open for more than 10 s; dead rows stay while one is">
            <LongTransactions transactions={answer.longTransactions} />
          </Panel>
          <TablesPanel isPaused={live.paused} linkTo={linkTo} />
          <Replication replication={answer.replication} />
        </>
      )}
    </Reading>
  )
}
