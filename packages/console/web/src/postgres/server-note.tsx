import type { ReactElement } from 'react'
import type { ServerProblem } from '../../../src/api/database-contract.ts'
import { Icon } from '../parts/icon.tsx'

/** Why numbers of the database itself are missing, and what to do. Nothing while they are there. */
export function ServerNote({ problem }: { readonly problem: ServerProblem | null }): ReactElement | null {
  if (problem === null) return null
  return (
    <div className="banner tone-warn" role="status">
      <Icon name="warn" />
      <div>
        <p>
          <strong>The server's own numbers are missing:</strong> {problem.detail}.
        </p>
        <p>
          {problem.hint} <code className="count">{problem.code}</code>
        </p>
      </div>
    </div>
  )
}
