import { useCallback } from 'react'
import { useParam, withParam } from './use-param.ts'

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
  const [asked, ask] = useParam('window')
  const windowSec = WINDOWS_SEC.includes(Number(asked)) ? Number(asked) : DEFAULT_WINDOW_SEC
  const setWindow = useCallback((seconds: number) => ask(inAddress(seconds)), [ask])
  const linkTo = useCallback((target: string) => withParam(target, 'window', inAddress(windowSec)), [windowSec])
  return { windowSec, setWindow, linkTo }
}

function inAddress(seconds: number): string | null {
  return seconds === DEFAULT_WINDOW_SEC ? null : String(seconds)
}
