import { type ReactElement, useEffect, useState } from 'react'
import { Icon } from './icon.tsx'

/** How long the button says what happened. */
const SAID_MS = 2000

/** Copies `text` and says whether that worked. */
export function CopyButton({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }): ReactElement {
  const [outcome, setOutcome] = useState<'copied' | 'failed' | null>(null)

  useEffect(() => {
    if (outcome === null) return
    const timer = setTimeout(() => setOutcome(null), SAID_MS)
    return () => clearTimeout(timer)
  }, [outcome])

  const copy = (): void => {
    copyText(text).then(
      () => setOutcome('copied'),
      () => setOutcome('failed'),
    )
  }

  return (
    <button type="button" className="button" onClick={copy}>
      <Icon name={outcome === 'copied' ? 'ok' : 'copy'} />
      <span aria-live="polite">{outcome === 'copied' ? 'Copied' : outcome === 'failed' ? 'Select and copy by hand' : label}</span>
    </button>
  )
}

/** The clipboard interface exists only on https and loopback; the old command covers a console reached by plain http. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'visually-hidden'
  document.body.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  if (!copied) throw new Error('copying was refused')
}
