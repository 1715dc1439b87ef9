import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Overview } from '../../../src/api/contract.ts'

/** Reads findings again when the live overview shows that one of them moved. */
export function useFindingRefresh(overview: Overview | null): void {
  const queries = useQueryClient()
  const signature = overview === null ? null : findingSignature(overview)
  useEffect(() => {
    if (signature === null) return
    void queries.invalidateQueries({ queryKey: ['findings'] })
  }, [queries, signature])
}

/** Changes when a finding comes, goes, or changes its state, and at nothing else. */
function findingSignature({ fixFirst, events }: Overview): string {
  const states = fixFirst.map(finding => `${finding.id} ${finding.state} ${finding.verdict}`)
  const lastEvent = events.findLast(event => event.kind !== 'load' && event.kind !== 'service')
  return [...states, lastEvent?.atMs ?? ''].join('|')
}
