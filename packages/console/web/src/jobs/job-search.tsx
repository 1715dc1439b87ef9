import { type ReactElement, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { type JobSearch, SEARCH_FIELDS } from '../api/jobs-client.ts'
import { withParams } from '../live/use-param.ts'
import type { ListedState } from './queue-panel.tsx'

const REASONS = ['error', 'timeout', 'stalled', 'cancelled', 'payload', 'unknown-name']

const LABELS = { text: 'Data contains', id: 'Id contains', name: 'Name', tenant: 'Tenant', failure: 'Failure contains' } as const

/** The search in the address. */
export function useJobSearch(): JobSearch {
  const params = new URLSearchParams(useSearch())
  return Object.fromEntries(SEARCH_FIELDS.flatMap(field => (params.get(field) ? [[field, params.get(field)]] : [])))
}

/** Looks for jobs by data, id and name, dead letters also by failure and reason. */
export function JobSearchForm({ state, maySearchPayloads }: { readonly state: ListedState; readonly maySearchPayloads: boolean }): ReactElement {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const known = useJobSearch()
  const [fields, setFields] = useState(known)
  // Another address, by a link or by going back: its search, not what was typed.
  const [seen, setSeen] = useState(search)
  if (seen !== search) {
    setSeen(search)
    setFields(known)
  }
  const isDead = state === 'dead'
  const texts = (['text', 'id', 'name', 'tenant', 'failure'] as const).filter(
    field => (field !== 'text' || maySearchPayloads) && (field !== 'failure' || isDead),
  )
  const go = (next: JobSearch): void => {
    const values = Object.fromEntries(SEARCH_FIELDS.map(field => [field, next[field] || null]))
    navigate(withParams(`${path}?${search}`, { ...values, cursor: null, job: null }))
  }
  return (
    <form
      className="cache-form job-search"
      onSubmit={event => {
        event.preventDefault()
        go(fields)
      }}
    >
      {texts.map(field => (
        <label key={field}>
          {LABELS[field]}
          <input
            value={fields[field] ?? ''}
            onChange={event => setFields({ ...fields, [field]: event.target.value })}
            autoComplete="off"
            spellCheck={false}
          />
        </label>
      ))}
      {isDead ? (
        <label>
          Reason
          <select value={fields.reason ?? ''} onChange={event => setFields({ ...fields, reason: event.target.value })}>
            <option value="">any</option>
            {REASONS.map(reason => (
              <option key={reason}>{reason}</option>
            ))}
          </select>
        </label>
      ) : null}
      <span className="actions">
        <button type="submit" className="button">
          Search
        </button>
        <button type="button" className="button" onClick={() => go({})}>
          Clear
        </button>
      </span>
    </form>
  )
}
