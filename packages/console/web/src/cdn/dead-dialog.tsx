import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import type { CdnChangeAnswer, CdnDeadRequest } from '../../../src/api/cdn-contract.ts'
import { fetchCdns, postDeadPurges } from '../api/cdn-client.ts'
import { counted } from '../format.ts'
import { CountedDialog } from '../parts/counted-dialog.tsx'

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
  const queries = useQueryClient()
  const counting = useQuery({
    queryKey: ['cdn-dead-count', cdn],
    queryFn: async ({ signal }) => (await fetchCdns(60, signal)).cdns.find(({ provider }) => provider === cdn)?.now?.dead ?? 0,
    enabled: cdn !== null,
    retry: false,
    gcTime: 0,
  })
  const change = useMutation({
    mutationFn: (typed: string) => postDeadPurges(action, { ...body, ...(confirmation === null ? {} : { confirmation: typed }) }),
    onSuccess: onClose,
    onSettled: () => Promise.all(['cdn', 'cdn-dead'].map(key => queries.invalidateQueries({ queryKey: [key] }))),
  })
  const reached =
    counting.data === undefined ? undefined : (
      <>
        <strong>{counted(counting.data, 'purge')}</strong> for {cdn}
      </>
    )
  return (
    <CountedDialog
      {...{ title, description, verb, confirmation, onClose }}
      count={cdn === null ? null : { reached, error: counting.error, label: 'Counting the purges' }}
      isRunning={change.isPending}
      error={change.error}
      onConfirm={change.mutate}
    />
  )
}
