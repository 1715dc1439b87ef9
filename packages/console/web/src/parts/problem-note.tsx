import type { ReactElement } from 'react'
import { ApiProblem } from '../api/client.ts'
import { Icon } from './icon.tsx'

/** What went wrong and the next step, as the console said it. */
export function ProblemNote({ error }: { readonly error: Error }): ReactElement {
  const problem = error instanceof ApiProblem ? error.problem : null
  return (
    <div className="banner tone-bad" role="alert">
      <Icon name="bad" />
      <div>
        <p>
          <strong>{problem?.title ?? 'That did not work'}</strong> {problem?.detail ?? error.message}
        </p>
        {problem === null ? null : (
          <p>
            {problem.hint} {problem.code === '' ? null : <code className="count">{problem.code}</code>}
          </p>
        )}
      </div>
    </div>
  )
}
