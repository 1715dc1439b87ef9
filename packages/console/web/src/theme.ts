import { useCallback, useEffect, useState } from 'react'

/** How the page is coloured. */
export type Theme = 'light' | 'dark'

const STORAGE_KEY = 'holdfast.theme'
const darkPreferred = window.matchMedia('(prefers-color-scheme: dark)')

/** The theme and what switches it. Follows the system until the reader chose once; the choice is kept in this browser. */
export function useTheme(): readonly [Theme, () => void] {
  const [chosen, setChosen] = useState<Theme | null>(readChoice)
  const [system, setSystem] = useState<Theme>(darkPreferred.matches ? 'dark' : 'light')
  const theme = chosen ?? system

  useEffect(() => {
    const onChange = (): void => setSystem(darkPreferred.matches ? 'dark' : 'light')
    darkPreferred.addEventListener('change', onChange)
    return () => darkPreferred.removeEventListener('change', onChange)
  }, [])

  // Written during render, not in an effect: the charts below read their colours from the document when they are made.
  document.documentElement.dataset.theme = theme

  const toggle = useCallback(() => {
    const next: Theme = theme === 'dark' ? 'light' : 'dark'
    try {
      localStorage.setItem(STORAGE_KEY, next)
    } catch {
      // Storage is refused in some private windows: the choice then lasts as long as the page.
    }
    setChosen(next)
  }, [theme])

  return [theme, toggle]
}

function readChoice(): Theme | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY)
    return stored === 'light' || stored === 'dark' ? stored : null
  } catch {
    return null
  }
}
