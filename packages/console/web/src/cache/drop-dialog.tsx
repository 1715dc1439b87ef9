import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import type { CacheInvalidationAnswer, CacheTagCountAnswer } from '../../../src/api/cache-contract.ts'
import { fetchTagCount, postInvalidate } from '../api/client.ts'
import { count, counted } from '../format.ts'
import { Modal } from '../parts/modal.tsx'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { TypedConfirmation } from '../parts/typed-confirmation.tsx'

/** What is to be dropped. */
export interface DropTarget {
  readonly kind: 'tag' | 'key'
  readonly name: string
}

interface DropDialogProps {
  readonly target: DropTarget
  /** Whether the name has to be typed. */
  readonly mustType: boolean
  onClose(): void
  onDone(answer: CacheInvalidationAnswer): void
}

/** Says how many entries a drop reaches, and drops when it is confirmed. */
export function DropDialog({ target, mustType, onClose, onDone }: DropDialogProps): ReactElement {
  const { kind, name } = target
  const [typed, setTyped] = useState('')
  const queries = useQueryClient()
  const counting = useQuery({
    queryKey: ['cache-tag', name],
    queryFn: ({ signal }) => fetchTagCount(name, signal),
    enabled: kind === 'tag',
    retry: false,
    gcTime: 0,
  })
  const drop = useMutation({
    mutationFn: () => postInvalidate({ [kind === 'tag' ? 'tags' : 'keys']: [name], ...(typed === '' ? {} : { confirmation: typed }) }),
    onSuccess: answer => {
      onDone(answer)
      onClose()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['cache'] }),
  })
  return (
    <Modal
      title={kind === 'tag' ? `Drop everything with the tag ${name}?` : `Drop the key ${name}?`}
      description="For all processes. The next reads load anew. It is noted in the log and in the events."
      closable={!drop.isPending}
      onClose={onClose}
    >
      <form
        onSubmit={event => {
          event.preventDefault()
          drop.mutate()
        }}
      >
        {kind === 'key' ? null : counting.data !== undefined ? (
          <p role="status">{countText(counting.data)}</p>
        ) : counting.error !== null ? (
          <ProblemNote error={counting.error} />
        ) : (
          <Skeleton lines={1} label="Counting the entries" />
        )}
        {mustType ? <TypedConfirmation expected={name} typed={typed} onTyped={setTyped} disabled={drop.isPending} /> : null}
        {drop.error === null ? null : <ProblemNote error={drop.error} />}
        <div className="actions end">
          <button type="button" className="button" data-autofocus onClick={onClose} disabled={drop.isPending}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={drop.isPending || (mustType && typed !== name)}>
            {drop.isPending ? 'Dropping…' : 'Drop'}
          </button>
        </div>
      </form>
    </Modal>
  )
}

function countText({ taggedCount, scannedCount, isComplete, why }: CacheTagCountAnswer): string {
  if (taggedCount === null) return `How many entries that is cannot be counted: ${why}.`
  const entries = counted(taggedCount, 'entry', 'entries')
  return isComplete
    ? `${entries} of ${count(scannedCount)} in Redis.`
    : `At least ${entries}: that many of the ${count(scannedCount)} that were looked at, and there are more.`
}
