import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import type { Overview } from '../../../src/api/contract.ts'
import { askRefusal, liveUrl } from '../api/client.ts'
import { type Connection, createLiveStore, type LiveStore } from './live-store.ts'

/** The live state as the pages read it. */
export interface Live {
  /** What is drawn: the newest overview, or the one at which the page was paused. Null before the first. */
  readonly overview: Overview | null
  /** The newest overview, also while paused. */
  readonly newest: Overview | null
  readonly connection: Connection
  readonly paused: boolean
  togglePause(): void
  retryNow(): void
}

/** Follows the console over a window of `windowSec`. */
export function useLive(windowSec: number): Live {
  const [store] = useState(createBrowserStore)
  const { overview, connection } = useSyncExternalStore(store.subscribe, store.getState)
  const [held, setHeld] = useState<Overview | null>(null)

  useEffect(() => store.follow(liveUrl(windowSec)), [store, windowSec])
  useEffect(() => {
    window.addEventListener('online', store.retryNow)
    document.addEventListener('visibilitychange', store.retryNow)
    return () => {
      window.removeEventListener('online', store.retryNow)
      document.removeEventListener('visibilitychange', store.retryNow)
      store.stop()
    }
  }, [store])

  const togglePause = useCallback(() => setHeld(now => (now === null ? store.getState().overview : null)), [store])
  return { overview: held ?? overview, newest: overview, connection, paused: held !== null, togglePause, retryNow: store.retryNow }
}

function createBrowserStore(): LiveStore {
  return createLiveStore({
    openStream: url => new EventSource(url),
    askRefusal,
    nowMs: () => Date.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs)
      return () => clearTimeout(timer)
    },
    random: Math.random,
  })
}
