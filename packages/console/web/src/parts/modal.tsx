import { type ReactElement, type ReactNode, useId, useLayoutEffect, useRef } from 'react'
import { Icon } from './icon.tsx'

interface ModalProps {
  readonly title: string
  readonly description?: string
  onClose(): void
  /** False while something runs that closing would hide. Default true. */
  readonly closable?: boolean
  readonly children: ReactNode
}

/** A dialog over the page, open for as long as it is rendered. The browser's own `<dialog>`: it keeps the focus inside, makes the rest inert, closes on
 *  Escape and gives the focus back. The element marked `data-autofocus` gets the focus first. */
export function Modal({ title, description, onClose, closable = true, children }: ModalProps): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()

  // A layout effect, because its clean-up runs while the element still stands: closing it then gives the focus back.
  useLayoutEffect(() => {
    const element = dialog.current
    if (element === null) return
    element.showModal()
    element.querySelector<HTMLElement>('[data-autofocus]')?.focus()
    return () => element.close()
  }, [])

  return (
    <dialog
      ref={dialog}
      className="modal"
      aria-labelledby={titleId}
      onCancel={event => {
        event.preventDefault()
        if (closable) onClose()
      }}
    >
      <div className="modal-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" className="button icon-only" aria-label="Close" disabled={!closable} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {description === undefined ? null : <p className="modal-description">{description}</p>}
      {children}
    </dialog>
  )
}
