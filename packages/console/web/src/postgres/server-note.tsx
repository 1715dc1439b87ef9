import type { ReactElement } from 'react'
import type { ServerProblem } from '../../../src/api/database-contract.ts'
import { Icon } from '../parts/icon.tsx'

interface ServerNoteProps {
  readonly problem: ServerProblem | null
  readonly what?: string
}

/** Why numbers of the database itself are missing, and what to do. Nothing while they are there. */
export function ServerNote({ problem, what = "The server's own numbers are missing" }: ServerNoteProps): ReactElement | null {
  if (problem === null) return null
  return (
    <div className="banner tone-warn" role="status">
      <Icon name="warn" />
      <div>
        <p>
          <strong>{what}:</strong> {problem.detail}.
        </p>
        <p>
          {problem.hint} <code className="count">{problem.code}</code>
        </p>
      </div>
    </div>
  )
}
