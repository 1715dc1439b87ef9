import { useEffect, useRef } from 'react'

/** What the keys do. */
export interface ShortcutActions {
  togglePause(): void
  toggleTheme(): void
  openHelp(): void
  goOverview(): void
  goPostgres(): void
  goCache(): void
  goJobs(): void
  goFindings(): void
}

/** A second key must follow `g` within this time. */
const SEQUENCE_LIMIT_MS = 1200

/** Listens for the page's keys. Silent while the reader types, holds a modifier, or has a dialog open. */
export function useShortcuts(actions: ShortcutActions): void {
  const latest = useRef(actions)
  latest.current = actions

  useEffect(() => {
    let goPressedAt = Number.NEGATIVE_INFINITY
    const onKey = (event: KeyboardEvent): void => {
      if (isForSomebodyElse(event)) return
      const afterGo = event.timeStamp - goPressedAt < SEQUENCE_LIMIT_MS
      goPressedAt = event.key === 'g' ? event.timeStamp : Number.NEGATIVE_INFINITY
      if (runKey(event, latest.current, afterGo)) event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

function runKey(event: KeyboardEvent, actions: ShortcutActions, afterGo: boolean): boolean {
  const onControl = event.target instanceof Element && event.target.closest('a, button, summary, [tabindex="0"]') !== null
  switch (event.key) {
    case '?':
      actions.openHelp()
      return true
    case 't':
      actions.toggleTheme()
      return true
    case 'p':
      if (afterGo) actions.goPostgres()
      else actions.togglePause()
      return true
    case ' ':
      // On a button or a link the space bar already means something.
      if (!onControl) actions.togglePause()
      return !onControl
    case 'j':
      if (!afterGo) return moveThroughFindings(1, event)
      actions.goJobs()
      return true
    case 'ArrowDown':
      return moveThroughFindings(1, event)
    case 'k':
    case 'ArrowUp':
      return moveThroughFindings(-1, event)
    case 'o':
      if (afterGo) actions.goOverview()
      return afterGo
    case 'c':
      if (afterGo) actions.goCache()
      return afterGo
    case 'f':
      if (afterGo) actions.goFindings()
      return afterGo
    default:
      return false
  }
}

/** Moves the focus to the next finding on the page. Arrows do so only from a finding, because elsewhere they scroll. */
function moveThroughFindings(step: 1 | -1, event: KeyboardEvent): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('[data-finding]')]
  if (links.length === 0) return false
  const at = links.indexOf(document.activeElement as HTMLElement)
  if (at < 0 && event.key.startsWith('Arrow')) return false
  const next = at < 0 ? (step === 1 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))
  links[next]?.focus()
  return true
}

function isForSomebodyElse(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true
  if (document.querySelector('dialog[open]') !== null) return true
  return event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]') !== null
}
