import { useMutation } from '@tanstack/react-query'
import { type ReactElement, useId, useState } from 'react'
import type { CacheCopy, CacheKeyAnswer, CacheMetricsAnswer } from '../../../src/api/cache-contract.ts'
import { fetchCacheKey } from '../api/client.ts'
import { ms, span } from '../format.ts'
import { Mark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { Scroller } from '../parts/scroller.tsx'
import { showBytes } from '../show-bytes.ts'

const TONES = { hit: 'ok', stale: 'warn', miss: 'quiet' } as const

/** Where a key is and why a read of it would be a hit or a miss; its value on demand, for those who may see it. */
export function KeyInspector({ actions }: { readonly actions: CacheMetricsAnswer['actions'] }): ReactElement {
  const [key, setKey] = useState('')
  const inputId = useId()
  const look = useMutation({ mutationFn: (withValue: boolean) => fetchCacheKey(key, withValue) })
  if (!actions.includes('inspect')) {
    return (
      <Panel title="Look up a key">
        <p className="empty">This console was given no cache, so it shows measurements only.</p>
      </Panel>
    )
  }
  return (
    <Panel title="Look up a key">
      <form
        className="cache-form"
        onSubmit={event => {
          event.preventDefault()
          look.mutate(false)
        }}
      >
        <label htmlFor={inputId}>Key</label>
        <input id={inputId} value={key} onChange={event => setKey(event.target.value)} autoComplete="off" spellCheck={false} placeholder="fund:7" />
        <button type="submit" className="button" disabled={key === '' || look.isPending}>
          Look up
        </button>
      </form>
      {look.error === null ? null : <ProblemNote error={look.error} />}
      {look.data === undefined ? null : (
        <Found answer={look.data} maySeeValue={actions.includes('value')} showValue={() => look.mutate(true)} isBusy={look.isPending} />
      )}
    </Panel>
  )
}

interface FoundProps {
  readonly answer: CacheKeyAnswer
  readonly maySeeValue: boolean
  readonly isBusy: boolean
  showValue(): void
}

function Found({ answer, maySeeValue, showValue, isBusy }: FoundProps): ReactElement {
  const { key, outcome, message, memory, redis, valueText } = answer
  return (
    <div className="cache-found" role="status">
      <p>
        <Mark tone={TONES[outcome]}>{outcome}</Mark> <code>{key}</code>: {message}
      </p>
      <dl className="notes">
        {memory === null ? null : <Copy name="In this process" copy={memory} />}
        {redis === null ? null : <Copy name="In Redis" copy={redis} extra={redis.loadMs > 0 ? `, its load took ${ms(redis.loadMs)}` : ''} />}
      </dl>
      {valueText !== undefined ? (
        <Scroller label="Value" className="cache-value">
          <pre>{valueText}</pre>
        </Scroller>
      ) : outcome === 'miss' ? null : maySeeValue ? (
        <div className="actions">
          <button type="button" className="button" onClick={showValue} disabled={isBusy}>
            Show the value
          </button>
        </div>
      ) : (
        <p className="count">Your role does not show values.</p>
      )}
    </div>
  )
}

function Copy({ name, copy, extra = '' }: { readonly name: string; readonly copy: CacheCopy; readonly extra?: string }): ReactElement {
  const { sizeBytes, freshForMs, goneInMs, tags } = copy
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {showBytes(sizeBytes)}, {freshForMs > 0 ? `fresh for ${left(freshForMs)}` : `stale, gone in ${left(goneInMs)}`}
        {extra}. {tags.length === 0 ? 'No tags.' : 'Tags: '}
        {tags.map(({ tag, isCurrent }, index) => (
          <span key={tag}>
            {index === 0 ? '' : ', '}
            <code>{tag}</code>
            {isCurrent ? '' : ' (invalidated since)'}
          </span>
        ))}
      </dd>
    </div>
  )
}

function left(millis: number): string {
  return millis < 1000 ? ms(millis) : span(millis / 1000)
}
