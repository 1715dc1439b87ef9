import { useMutation } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { postAdvise } from '../api/client.ts'
import { counted } from '../format.ts'
import { ProblemNote } from '../parts/problem-note.tsx'

/** Starts a search for advice and says what came of it. Findings appear in the list by themselves. */
export function LookForAdvice(): ReactElement {
  const search = useMutation({ mutationFn: postAdvise })
  return (
    <div className="look">
      <button type="button" className="button" disabled={search.isPending} onClick={() => search.mutate()}>
        {search.isPending ? 'Looking…' : 'Look for advice'}
      </button>
      <p className="count" role="status">
        {search.isPending ? 'Reading the workload; candidates are tried on a copy of the data.' : null}
        {search.isSuccess ? [outcome(search.data), ...search.data.notes].join(' · ') : null}
      </p>
      {search.isSuccess && search.data.refused.length > 0 ? (
        <details>
          <summary>Examined, and nothing offered</summary>
          <ul className="plain">
            {search.data.refused.map(({ statement, why }) => (
              <li key={statement}>
                <code>{statement.length > 80 ? `${statement.slice(0, 80)}…` : statement}</code>: {why}
              </li>
            ))}
          </ul>
        </details>
      ) : null}
      {search.isError ? <ProblemNote error={search.error} /> : null}
    </div>
  )
}

function outcome({ findingCount, examinedCount }: { readonly findingCount: number; readonly examinedCount: number }): string {
  const examined = `${counted(examinedCount, 'statement')} examined`
  return findingCount === 0 ? `Nothing to do: ${examined}` : `${counted(findingCount, 'finding')}, ${examined}`
}
