import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import type { CdnChangeAnswer, CdnDeadRequest } from '../../../src/api/cdn-contract.ts'
import { fetchCdns, postDeadPurges } from '../api/cdn-client.ts'
import { counted } from '../format.ts'
import { Modal } from '../parts/modal.tsx'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { TypedConfirmation } from '../parts/typed-confirmation.tsx'

/** A change that is asked for. */
export interface DeadAsk {
  readonly action: CdnChangeAnswer['action']
  readonly title: string
  readonly description: string
  readonly body: CdnDeadRequest
  /** On the button. */
  readonly verb: string
  /** Whose are counted first; null where it is one. */
  readonly cdn: string | null
  /** Text that has to be typed; null for none. */
  readonly confirmation: string | null
}

/** Says how many purges a change reaches, and makes it when it is confirmed. */
export function DeadDialog({ ask, onClose }: { readonly ask: DeadAsk; onClose(): void }): ReactElement {
  const { action, title, description, body, verb, cdn, confirmation } = ask
  const [typed, setTyped] = useState('')
  const queries = useQueryClient()
  const counting = useQuery({
    queryKey: ['cdn-dead-count', cdn],
    queryFn: async ({ signal }) => (await fetchCdns(60, signal)).cdns.find(({ provider }) => provider === cdn)?.now?.dead ?? 0,
    enabled: cdn !== null,
    retry: false,
    gcTime: 0,
  })
  const change = useMutation({
    mutationFn: () => postDeadPurges(action, { ...body, ...(confirmation === null ? {} : { confirmation: typed }) }),
    onSuccess: onClose,
    onSettled: () => Promise.all(['cdn', 'cdn-dead'].map(key => queries.invalidateQueries({ queryKey: [key] }))),
  })
  const isCounted = cdn === null || counting.data !== undefined
  return (
    <Modal title={title} description={description} closable={!change.isPending} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          change.mutate()
        }}
      >
        {cdn === null ? null : counting.data !== undefined ? (
          <p role="status">
            <strong>{counted(counting.data, 'purge')}</strong> for {cdn}
          </p>
        ) : counting.error !== null ? (
          <ProblemNote error={counting.error} />
        ) : (
          <Skeleton lines={1} label="Counting the purges" />
        )}
        {confirmation === null ? null : <TypedConfirmation expected={confirmation} typed={typed} onTyped={setTyped} disabled={change.isPending} />}
        {change.error === null ? null : <ProblemNote error={change.error} />}
        <div className="actions end">
          <button type="button" className="button" data-autofocus onClick={onClose} disabled={change.isPending}>
            Cancel
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={change.isPending || !isCounted || (confirmation !== null && typed !== confirmation)}
          >
            {change.isPending ? 'Running…' : verb}
          </button>
        </div>
      </form>
    </Modal>
  )
}
