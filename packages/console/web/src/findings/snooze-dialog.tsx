import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useId, useState } from 'react'
import type { FindingDetail } from '../../../src/api/contract.ts'
import { postSnooze } from '../api/client.ts'
import { Modal } from '../parts/modal.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'

const SPANS = [
  ['1d', 'a day'],
  ['7d', 'a week'],
  ['30d', 'a month'],
] as const

interface SnoozeDialogProps {
  readonly finding: FindingDetail['finding']
  onClose(): void
}

/** Puts a finding aside, for a time and for a reason that stays in its history. */
export function SnoozeDialog({ finding, onClose }: SnoozeDialogProps): ReactElement {
  const [reason, setReason] = useState('')
  const [chosen, setChosen] = useState<(typeof SPANS)[number][0]>('7d')
  const reasonId = useId()
  const queries = useQueryClient()
  const snooze = useMutation({
    mutationFn: () => postSnooze(finding.id, { for: chosen, reason }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['findings'] }),
    onSuccess: onClose,
  })
  return (
    <Modal title="Put this finding aside?" description={`${finding.id}: ${finding.title}`} closable={!snooze.isPending} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          snooze.mutate()
        }}
      >
        <fieldset className="range">
          <legend>For</legend>
          {SPANS.map(([id, word]) => (
            <button key={id} type="button" aria-pressed={id === chosen} onClick={() => setChosen(id)}>
              {word}
            </button>
          ))}
        </fieldset>
        <p className="confirm">
          <label htmlFor={reasonId}>Why</label>
          <input
            id={reasonId}
            value={reason}
            maxLength={500}
            onChange={event => setReason(event.target.value)}
            data-autofocus
            autoComplete="off"
            disabled={snooze.isPending}
          />
        </p>
        <p className="count">When it is found after that time it is open again.</p>
        {snooze.error === null ? null : <ProblemNote error={snooze.error} />}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose} disabled={snooze.isPending}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={snooze.isPending || reason.trim() === ''}>
            {snooze.isPending ? 'Putting aside…' : 'Put aside'}
          </button>
        </div>
      </form>
    </Modal>
  )
}
