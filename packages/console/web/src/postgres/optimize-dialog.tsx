import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import type { DatabaseVacuumAnswer } from '../../../src/api/database-contract.ts'
import { postOptimize } from '../api/database-client.ts'
import { count, ms } from '../format.ts'
import { Modal } from '../parts/modal.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { Sql } from '../parts/sql.tsx'
import { TypedConfirmation } from '../parts/typed-confirmation.tsx'

interface OptimizeDialogProps {
  readonly name: string
  /** Text that has to be typed; null for none. */
  readonly confirmation: string | null
  onClose(): void
}

/** Says what VACUUM (ANALYZE) does and locks, runs it when confirmed, and says what came of it. */
export function OptimizeDialog({ name, confirmation, onClose }: OptimizeDialogProps): ReactElement {
  const [typed, setTyped] = useState('')
  const queries = useQueryClient()
  const run = useMutation({
    mutationFn: () => postOptimize(name, confirmation === null ? null : typed),
    onSettled: () => Promise.all(['tables', 'table', 'health'].map(key => queries.invalidateQueries({ queryKey: [key] }))),
  })
  return (
    <Modal
      title={`Vacuum and analyze ${name}?`}
      description="Dead rows become room for new ones, and plans rest on today's data. Reads and writes go on; other changes of the table wait."
      closable={!run.isPending}
      onClose={onClose}
    >
      <form
        onSubmit={event => {
          event.preventDefault()
          run.mutate()
        }}
      >
        <Sql text={`VACUUM (ANALYZE) ${name}`} />
        {confirmation === null || run.data !== undefined ? null : (
          <TypedConfirmation expected={confirmation} typed={typed} onTyped={setTyped} disabled={run.isPending} focused />
        )}
        {run.isPending ? <p role="status">Running in the database. On a large table this takes minutes; it goes on if this page is closed.</p> : null}
        {run.data === undefined ? null : <p role="status">{outcome(run.data)}</p>}
        {run.error === null ? null : <ProblemNote error={run.error} />}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose} disabled={run.isPending}>
            {run.data === undefined ? 'Cancel' : 'Close'}
          </button>
          {run.data === undefined ? (
            <button type="submit" className="button primary" disabled={run.isPending || (confirmation !== null && typed !== confirmation)}>
              {run.isPending ? 'Running…' : 'Run'}
            </button>
          ) : null}
        </div>
      </form>
    </Modal>
  )
}

function outcome({ tookMs, deadBefore, deadAfter }: DatabaseVacuumAnswer): string {
  const dead = deadBefore === null || deadAfter === null ? '' : ` Dead rows: ${count(deadBefore)} before, ${count(deadAfter)} after.`
  return `Done in ${ms(tookMs)}.${dead}`
}
