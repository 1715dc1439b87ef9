import { type ReactElement, useId, useState } from 'react'
import type { CacheInvalidationAnswer, CacheMetricsAnswer } from '../../../src/api/cache-contract.ts'
import { counted } from '../format.ts'
import { Mark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { DropDialog, type DropTarget } from './drop-dialog.tsx'

/** Drops everything with a tag, or one key, after saying how much that is. */
export function DropPanel({ actions, needsConfirmation }: Pick<CacheMetricsAnswer, 'actions' | 'needsConfirmation'>): ReactElement | null {
  const [kind, setKind] = useState<DropTarget['kind']>('tag')
  const [name, setName] = useState('')
  const [asked, setAsked] = useState<DropTarget | null>(null)
  const [done, setDone] = useState<CacheInvalidationAnswer | null>(null)
  const inputId = useId()
  if (actions.length === 0) return null
  if (!actions.includes('invalidate')) {
    return (
      <Panel title="Drop">
        <p className="empty">Your role may look, not drop.</p>
      </Panel>
    )
  }
  return (
    <Panel title="Drop" aside="asks before it does">
      <form
        className="cache-form"
        onSubmit={event => {
          event.preventDefault()
          setDone(null)
          setAsked({ kind, name })
        }}
      >
        <fieldset className="range">
          <legend className="visually-hidden">What to drop</legend>
          {(['tag', 'key'] as const).map(choice => (
            <button key={choice} type="button" aria-pressed={kind === choice} onClick={() => setKind(choice)}>
              by {choice}
            </button>
          ))}
        </fieldset>
        <label htmlFor={inputId}>{kind === 'tag' ? 'Tag' : 'Key'} to drop</label>
        <input id={inputId} value={name} onChange={event => setName(event.target.value)} autoComplete="off" spellCheck={false} />
        <button type="submit" className="button" disabled={name === ''}>
          Drop…
        </button>
      </form>
      <div role="status">{done === null ? null : <Done answer={done} />}</div>
      {asked === null ? null : <DropDialog target={asked} mustType={needsConfirmation} onClose={() => setAsked(null)} onDone={setDone} />}
    </Panel>
  )
}

function Done({ answer }: { readonly answer: CacheInvalidationAnswer }): ReactElement {
  const { tags, keys, deletedCount, isPending } = answer
  const what = tags.length > 0 ? `Everything with ${tags.join(', ')} is invalid` : `${counted(deletedCount, 'key')} of ${keys.join(', ')} dropped`
  return <Mark tone={isPending ? 'warn' : 'ok'}>{isPending ? `${what} here; Redis is away, elsewhere it follows when it is back` : what}</Mark>
}
