import { useCallback } from 'react'
import { useLocation, useSearch } from 'wouter'

/** The windows that can be chosen, in seconds. */
export const WINDOWS_SEC: readonly number[] = [60, 300, 900]
const DEFAULT_WINDOW_SEC = 60

/** The window in the address and what goes with it. */
export interface WindowChoice {
  readonly windowSec: number
  setWindow(seconds: number): void
  /** The address of a page, with the window kept. */
  linkTo(path: string): string
}

/** The time range lives in the address (`?window=300`), so that a link shows what its sender saw. */
export function useWindow(): WindowChoice {
  const [path, navigate] = useLocation()
  const asked = Number(new URLSearchParams(useSearch()).get('window'))
  const windowSec = WINDOWS_SEC.includes(asked) ? asked : DEFAULT_WINDOW_SEC
  const setWindow = useCallback((seconds: number) => navigate(withWindow(path, seconds), { replace: true }), [navigate, path])
  const linkTo = useCallback((target: string) => withWindow(target, windowSec), [windowSec])
  return { windowSec, setWindow, linkTo }
}

function withWindow(path: string, seconds: number): string {
  return seconds === DEFAULT_WINDOW_SEC ? path : `${path}?window=${seconds}`
}
