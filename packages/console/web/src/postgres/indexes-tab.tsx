import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { DatabaseIndexesAnswer } from '../../../src/api/database-contract.ts'
import { fetchIndexes } from '../api/database-client.ts'
import { count, counted, dateTime, ms, span } from '../format.ts'
import { useParam } from '../live/use-param.ts'
import { Panel } from '../parts/panel.tsx'
import { Reading } from '../parts/reading.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { showBytes } from '../show-bytes.ts'
import { IndexTable, USES } from './index-table.tsx'
import type { PostgresTabProps } from './postgres-page.tsx'

const REFRESH_MS = 15_000

/** Every index with its size and use, and what findings say about them. */
export function IndexesTab({ live, linkTo }: PostgresTabProps): ReactElement {
  const reading = useQuery({
    queryKey: ['findings', 'indexes'],
    queryFn: ({ signal }) => fetchIndexes(signal),
    refetchInterval: live.paused ? false : REFRESH_MS,
  })
  return (
    <Reading reading={reading} label="Reading the indexes">
      {answer => (
        <>
          <IndexFindings answer={answer} linkTo={linkTo} />
          <Indexes answer={answer} linkTo={linkTo} />
        </>
      )}
    </Reading>
  )
}

interface PartProps {
  readonly answer: DatabaseIndexesAnswer
  linkTo(path: string): string
}

function IndexFindings({ answer: { findings }, linkTo }: PartProps): ReactElement {
  return (
    <Panel title="Findings about indexes" aside={findings.length === 0 ? undefined : counted(findings.length, 'finding')}>
      {findings.length === 0 ? (
        <p className="empty">
          None so far. <strong>Look for advice</strong> on the <Link href={linkTo('/')}>overview</Link> examines the workload.
        </p>
      ) : (
        <ul className="plain index-findings">
          {findings.map(({ id, title, state, verdict, savesMsPerSec }) => (
            <li key={id}>
              <Link href={linkTo(`/findings/${encodeURIComponent(id)}`)} data-finding={id}>
                <span className="finding-id">{id}</span> {title}
              </Link>
              <StateMark state={state} verdict={verdict} />
              <span className="count">saves {ms(savesMsPerSec)} each second</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Indexes({ answer, linkTo }: PartProps): ReactElement {
  const [use, setUse] = useParam('use')
  const { indexes, totalBytes, notScannedBytes, countersSinceMs, atMs, isComplete } = answer
  const shown = use === null ? indexes : indexes.filter(index => index.use === use)
  const since =
    countersSinceMs === null
      ? 'the server does not say since when it counts'
      : `scans since ${dateTime(countersSinceMs)}, ${span((atMs - countersSinceMs) / 1000)}`
  return (
    <Panel title="Indexes" aside={since}>
      <p className="index-sums">
        {counted(indexes.length, 'index', 'indexes')} of {showBytes(totalBytes)}
        {isComplete ? '' : ', the largest ones'}. {notScannedBytes === 0 ? '' : `${showBytes(notScannedBytes)} in indexes that nothing scanned.`}
      </p>
      <fieldset className="range choices">
        <legend className="visually-hidden">Use</legend>
        <button type="button" aria-pressed={use === null} onClick={() => setUse(null)}>
          All {count(indexes.length)}
        </button>
        {USES.map(({ id, word }) => {
          const n = indexes.filter(index => index.use === id).length
          return n === 0 && use !== id ? null : (
            <button key={id} type="button" aria-pressed={use === id} onClick={() => setUse(id)}>
              {word} {count(n)}
            </button>
          )
        })}
      </fieldset>
      {shown.length === 0 ? <p className="empty">{use === null ? 'The database has no indexes.' : 'No index is of this kind.'}</p> : null}
      {shown.length === 0 ? null : <IndexTable indexes={shown} linkTo={linkTo} />}
    </Panel>
  )
}
