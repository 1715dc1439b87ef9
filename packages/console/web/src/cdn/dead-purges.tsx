import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import type { CdnDeadAnswer } from '../../../src/api/cdn-contract.ts'
import { fetchDeadPurges } from '../api/cdn-client.ts'
import { count, dateTime } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { type DeadAsk, DeadDialog } from './dead-dialog.tsx'

type DeadRow = CdnDeadAnswer['dead'][number]

interface DeadPurgesProps {
  /** CDNs for which some were given up. */
  readonly withDead: readonly { readonly provider: string; readonly count: number }[]
  readonly mayChange: boolean
  readonly needsConfirmation: boolean
  readonly isPaused: boolean
}

const REFRESH_MS = 5000

/** Purges that were given up, with the reason, and what can be done with them. */
export function DeadPurges({ withDead, mayChange, needsConfirmation, isPaused }: DeadPurgesProps): ReactElement {
  const [asked, setAsked] = useState<DeadAsk | null>(null)
  const { data, error } = useQuery({
    queryKey: ['cdn-dead'],
    queryFn: ({ signal }) => fetchDeadPurges(signal),
    placeholderData: previous => previous,
    refetchInterval: isPaused ? false : REFRESH_MS,
  })
  return (
    <section className="cdn-part" aria-label="Given up">
      <h3>Given up</h3>
      {error === null ? null : <ProblemNote error={error} />}
      {data === undefined ? (
        error === null ? (
          <Skeleton lines={3} label="Reading what was given up" />
        ) : null
      ) : (
        <DataTable
          label="Purges that were given up"
          rows={data.dead}
          columns={mayChange ? [...COLUMNS, actionsColumn(setAsked)] : COLUMNS}
          keyOf={row => row.id}
          order="-died"
          param="dead"
          className="cdn-dead"
        />
      )}
      <p className="count">
        The newest {count(data?.dead.length ?? 0)}. Until they are sent these CDNs may serve what is old.
        {mayChange ? '' : ' Your role may look, not change.'}
      </p>
      {mayChange ? (
        <p className="actions">
          {withDead.map(({ provider }) => (
            <span key={provider} className="actions">
              <button type="button" className="button" onClick={() => setAsked(ofCdn('retry', provider, needsConfirmation))}>
                Send all of {provider} again…
              </button>
              <button type="button" className="button" onClick={() => setAsked(ofCdn('discard', provider, needsConfirmation))}>
                Forget all of {provider}…
              </button>
            </span>
          ))}
        </p>
      ) : null}
      {asked === null ? null : <DeadDialog ask={asked} onClose={() => setAsked(null)} />}
    </section>
  )
}

const COLUMNS: readonly Column<DeadRow>[] = [
  { id: 'what', title: 'What', isText: true, value: row => whatOf(row), cell: row => <code>{whatOf(row)}</code> },
  { id: 'cdn', title: 'CDN', isText: true, value: row => row.provider, cell: row => row.provider },
  { id: 'why', title: 'Reason', isText: true, value: row => row.reason, cell: row => row.reason },
  { id: 'attempts', title: 'Attempts', value: row => row.attempts, cell: row => count(row.attempts) },
  { id: 'died', title: 'Given up', isText: true, value: row => row.diedAtMs, cell: row => dateTime(row.diedAtMs) },
]

function actionsColumn(ask: (change: DeadAsk) => void): Column<DeadRow> {
  return {
    ...{ id: 'id', title: 'Do', isText: true, value: row => row.id },
    cell: row => (
      <span className="actions">
        {(['retry', 'discard'] as const).map(action => (
          <button
            key={action}
            type="button"
            className="button"
            aria-label={`${VERBS[action]} ${whatOf(row)}`}
            onClick={() => ask(ofOne(action, row))}
          >
            {VERBS[action]}…
          </button>
        ))}
      </span>
    ),
  }
}

const VERBS = { retry: 'Send again', discard: 'Forget' } as const
const MEANINGS = {
  retry: 'A running service sends it within two seconds; it has all its attempts again.',
  discard: 'What it was to remove stays at the CDN until it expires.',
} as const

function whatOf({ kind, subject }: DeadRow): string {
  return kind === 'all' ? 'everything' : `${kind} ${subject}`
}

function ofOne(action: DeadAsk['action'], row: DeadRow): DeadAsk {
  const title = action === 'retry' ? `Send ${whatOf(row)} to ${row.provider} again?` : `Forget ${whatOf(row)} for ${row.provider}?`
  return { action, title, description: MEANINGS[action], verb: VERBS[action], body: { id: row.id }, cdn: null, confirmation: null }
}

function ofCdn(action: DeadAsk['action'], provider: string, needsConfirmation: boolean): DeadAsk {
  const title = action === 'retry' ? `Send what was given up for ${provider} again?` : `Forget what was given up for ${provider}?`
  return {
    ...{ action, title, verb: VERBS[action], body: { cdn: provider }, cdn: provider, confirmation: needsConfirmation ? provider : null },
    description: MEANINGS[action],
  }
}
