import { type ReactElement, type ReactNode, useState } from 'react'
import { Modal } from './modal.tsx'
import { Skeleton } from './panel.tsx'
import { ProblemNote } from './problem-note.tsx'
import { TypedConfirmation } from './typed-confirmation.tsx'

interface CountedDialogProps {
  readonly title: string
  readonly description: string
  /** On the button. */
  readonly verb: string
  /** What the change reaches, `undefined` while that is counted; null where it is one thing. */
  readonly count: { readonly reached: ReactNode | undefined; readonly error: Error | null; readonly label: string } | null
  /** Text that has to be typed; null for none. */
  readonly confirmation: string | null
  readonly isRunning: boolean
  readonly error: Error | null
  /** Is given what was typed. */
  onConfirm(typed: string): void
  onClose(): void
}

/** Says what a change reaches before it can be confirmed. */
export function CountedDialog(props: CountedDialogProps): ReactElement {
  const { title, description, verb, count, confirmation, isRunning, error, onConfirm, onClose } = props
  const [typed, setTyped] = useState('')
  const isCounted = count === null || count.reached !== undefined
  return (
    <Modal title={title} description={description} closable={!isRunning} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          onConfirm(typed)
        }}
      >
        {count === null ? null : count.reached !== undefined ? (
          <p role="status">{count.reached}</p>
        ) : count.error !== null ? (
          <ProblemNote error={count.error} />
        ) : (
          <Skeleton lines={1} label={count.label} />
        )}
        {confirmation === null ? null : <TypedConfirmation expected={confirmation} typed={typed} onTyped={setTyped} disabled={isRunning} />}
        {error === null ? null : <ProblemNote error={error} />}
        <div className="actions end">
          <button type="button" className="button" data-autofocus onClick={onClose} disabled={isRunning}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={isRunning || !isCounted || (confirmation !== null && typed !== confirmation)}>
            {isRunning ? 'Running…' : verb}
          </button>
        </div>
      </form>
    </Modal>
  )
}
