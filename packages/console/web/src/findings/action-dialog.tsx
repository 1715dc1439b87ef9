import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import type { FindingDetail } from '../../../src/api/contract.ts'
import { postFindingAction } from '../api/client.ts'
import { Modal } from '../parts/modal.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { Sql } from '../parts/sql.tsx'
import { TypedConfirmation } from '../parts/typed-confirmation.tsx'

/** What can be done with a finding that runs in the database. */
export type FindingActionName = Exclude<FindingDetail['actions'][number], 'snooze'>

const TITLES: Readonly<Record<FindingActionName, string>> = {
  apply: 'Apply this change?',
  verify: 'Measure now?',
  revert: 'Revert this change?',
}

const VERBS: Readonly<Record<FindingActionName, readonly [rest: string, running: string]>> = {
  apply: ['Apply', 'Applying…'],
  verify: ['Measure', 'Measuring…'],
  revert: ['Revert', 'Reverting…'],
}

interface ActionDialogProps {
  readonly detail: FindingDetail
  readonly action: FindingActionName
  onClose(): void
}

/** Says what will run and what it locks, asks for the confirmation that the console demands, and runs it. */
export function ActionDialog({ detail, action, onClose }: ActionDialogProps): ReactElement {
  const { finding, confirmation } = detail
  const [typed, setTyped] = useState('')
  const queries = useQueryClient()
  const run = useMutation({
    mutationFn: () => postFindingAction(finding.id, action, confirmation === null || action === 'verify' ? {} : { confirmation: typed }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['findings'] }),
    onSuccess: onClose,
  })
  const mustType = confirmation !== null && action !== 'verify'
  const sql = action === 'apply' ? finding.recommendation.sql : action === 'revert' ? finding.recommendation.revertSql : []
  const [rest, running] = VERBS[action]
  return (
    <Modal
      title={TITLES[action]}
      description={
        action === 'verify' ? 'Compares the same statements before and since the change. Nothing is changed.' : `${finding.id}: ${finding.title}`
      }
      closable={!run.isPending}
      onClose={onClose}
    >
      <form
        onSubmit={event => {
          event.preventDefault()
          run.mutate()
        }}
      >
        {sql.length === 0 ? null : <Sql text={sql.join(';\n')} />}
        {action === 'apply' ? (
          <dl className="notes">
            <div>
              <dt>Locks</dt>
              <dd>{finding.recommendation.lockNote}</dd>
            </div>
            <div>
              <dt>Cost</dt>
              <dd>{finding.recommendation.costNote}</dd>
            </div>
          </dl>
        ) : null}
        {mustType ? <TypedConfirmation expected={confirmation} typed={typed} onTyped={setTyped} disabled={run.isPending} focused /> : null}
        {run.isPending && action !== 'verify' ? (
          <p role="status">Running in the database. On a large table this takes minutes; it goes on if this page is closed.</p>
        ) : null}
        {run.error === null ? null : <ProblemNote error={run.error} />}
        <div className="actions end">
          <button type="button" className="button" data-autofocus={mustType ? undefined : true} onClick={onClose} disabled={run.isPending}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={run.isPending || (mustType && typed !== confirmation)}>
            {run.isPending ? running : rest}
          </button>
        </div>
      </form>
    </Modal>
  )
}
