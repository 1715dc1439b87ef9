import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { CDN_PERIODS, type CdnAnalyticsAnswer } from '../../../src/api/cdn-contract.ts'
import { fetchCdnAnalytics } from '../api/cdn-client.ts'
import { count, dateTime, showRatio } from '../format.ts'
import { useParam } from '../live/use-param.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Figure } from '../parts/figure.tsx'
import { Mark } from '../parts/mark.tsx'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { showBytes } from '../show-bytes.ts'

type Counted = CdnAnalyticsAnswer['counted'][number]

/** The console asks the CDNs once a minute. */
const REFRESH_MS = 60_000
const IN_WORDS = { '1h': 'last hour', '24h': 'last day', '7d': 'last week' } as const

const COLUMNS: readonly Column<Counted>[] = [
  { id: 'cdn', title: 'CDN', isText: true, value: row => row.provider, cell: row => row.provider },
  {
    ...{ id: 'hits', title: 'Hit ratio', value: row => row.hitRatio ?? null },
    cell: row => <Figure measured={{ value: row.hitRatio ?? null, n: row.hitRatio === undefined ? 0 : row.requests }} show={showRatio} />,
  },
  { id: 'requests', title: 'Requests', value: row => row.requests, cell: row => count(row.requests) },
  { id: 'bytes', title: 'Sent to clients', value: row => row.bytes, cell: row => showBytes(row.bytes) },
]

/** What the CDNs themselves counted over a stretch of time that is part of the address. */
export function CdnCounted({ isPaused }: { readonly isPaused: boolean }): ReactElement {
  const [asked, ask] = useParam('period')
  const period = CDN_PERIODS.find(known => known === asked) ?? '1h'
  const { data, error } = useQuery({
    queryKey: ['cdn-analytics', period],
    queryFn: ({ signal }) => fetchCdnAnalytics(period, signal),
    refetchInterval: isPaused ? false : REFRESH_MS,
    retry: false,
  })
  return (
    <section className="cdn-part" aria-label="Counted by the CDNs">
      <header>
        <h3>Counted by the CDNs</h3>
        <fieldset className="range">
          <legend className="visually-hidden">Stretch of time</legend>
          {CDN_PERIODS.map(known => (
            <button key={known} type="button" aria-pressed={known === period} onClick={() => ask(known === '1h' ? null : known)}>
              {IN_WORDS[known]}
            </button>
          ))}
        </fieldset>
      </header>
      {error === null ? null : <ProblemNote error={error} />}
      {data !== undefined ? <Counts answer={data} /> : error === null ? <Skeleton lines={2} label="Asking the CDNs" /> : null}
    </section>
  )
}

function Counts({ answer: { fromMs, toMs, counted, failed } }: { readonly answer: CdnAnalyticsAnswer }): ReactElement {
  return (
    <>
      {counted.length === 0 ? null : (
        <DataTable
          label="Counted by the CDNs"
          rows={counted}
          columns={COLUMNS}
          keyOf={row => row.provider}
          order="cdn"
          param="counted"
          className="cdn-counted"
        />
      )}
      {failed.map(({ provider, why }) => (
        <p key={provider} className="cdn-why">
          <Mark tone="quiet">
            {provider} has no figures: {why}
          </Mark>
        </p>
      ))}
      <p className="count">
        From {dateTime(fromMs)} to {dateTime(toMs)}. CDNs sample their figures, and are late by minutes.
      </p>
    </>
  )
}
