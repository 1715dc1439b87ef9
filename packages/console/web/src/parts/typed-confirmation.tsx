import { type ReactElement, useId } from 'react'

interface TypedConfirmationProps {
  /** What has to be typed. */
  readonly expected: string
  readonly typed: string
  onTyped(text: string): void
  readonly disabled: boolean
  /** Whether a dialog gives it the focus first. */
  readonly focused?: boolean
}

/** The field of a dialog in which somebody types a name to say that it is meant. */
export function TypedConfirmation({ expected, typed, onTyped, disabled, focused = false }: TypedConfirmationProps): ReactElement {
  const id = useId()
  return (
    <p className="confirm">
      <label htmlFor={id}>
        Type <code>{expected}</code> to confirm
      </label>
      <input
        id={id}
        value={typed}
        onChange={event => onTyped(event.target.value)}
        data-autofocus={focused ? true : undefined}
        autoComplete="off"
        spellCheck={false}
        disabled={disabled}
      />
    </p>
  )
}
