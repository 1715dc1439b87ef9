import type { Overview } from '../../../src/api/contract.ts'

/** How the page stands with the console. `lost` keeps trying; `refused` waits for the user, because trying again cannot help. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly sinceMs: number }
  | { readonly kind: 'refused'; readonly why: string }

/** What the page draws. The last overview stays when the stream breaks. */
export interface LiveState {
  readonly overview: Overview | null
  readonly connection: Connection
}

/** The part of `EventSource` used here. */
export interface LiveStream {
  addEventListener(type: 'overview' | 'error', listener: (event: { readonly data?: unknown }) => void): void
  close(): void
}

/** What the store needs from outside. */
export interface LiveStoreOptions {
  openStream(url: string): LiveStream
  /** Asks the console once, after the stream broke, whether it refuses us; the reason when it does. */
  askRefusal(): Promise<string | null>
  nowMs(): number
  /** Runs `callback` after `delayMs`; returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void
  /** 0..1, spreads the retries of many pages. */
  random(): number
}

/** A source of {@link LiveState} in the shape of `useSyncExternalStore`. */
export interface LiveStore {
  subscribe(listener: () => void): () => void
  getState(): LiveState
  /** Follows the stream at `url`; a stream already open at another address is closed first. */
  follow(url: string): void
  /** Tries again now instead of after the back-off; does nothing while the stream runs. */
  retryNow(): void
  stop(): void
}

/** The console sends one overview a second. After this long without one, the line is taken as dead even when no error was seen: a cut cable
 *  says nothing for minutes. */
export const SILENCE_LIMIT_MS = 6000
/** First wait after a break; doubles up to {@link RETRY_LIMIT_MS}. */
export const RETRY_FIRST_MS = 500
/** Longest wait between two tries. */
export const RETRY_LIMIT_MS = 10_000

/** Follows `api/live`. When the stream breaks it keeps the last values, says since when, and comes back by itself. */
export function createLiveStore(options: LiveStoreOptions): LiveStore {
  const listeners = new Set<() => void>()
  let state: LiveState = { overview: null, connection: { kind: 'connecting' } }
  let url: string | undefined
  let stream: LiveStream | undefined
  let failedTries = 0
  let lastHeardMs = options.nowMs()
  let cancelTimer = (): void => {}

  const update = (next: Partial<LiveState>): void => {
    state = { ...state, ...next }
    for (const listener of listeners) listener()
  }

  const watchSilence = (): void => {
    cancelTimer()
    cancelTimer = options.after(SILENCE_LIMIT_MS, onBreak)
  }

  const onOverview = (overview: Overview): void => {
    failedTries = 0
    lastHeardMs = options.nowMs()
    watchSilence()
    update({ overview, connection: { kind: 'live' } })
  }

  const close = (): void => {
    cancelTimer()
    stream?.close()
    stream = undefined
  }

  const onBreak = (): void => {
    close()
    const sinceMs = state.connection.kind === 'lost' ? state.connection.sinceMs : state.overview === null ? options.nowMs() : lastHeardMs
    update({ connection: { kind: 'lost', sinceMs } })
    const backOffMs = Math.min(RETRY_LIMIT_MS, RETRY_FIRST_MS * 2 ** failedTries)
    failedTries++
    cancelTimer = options.after(backOffMs * (0.75 + options.random() / 2), open)
    options.askRefusal().then(
      why => {
        if (why === null || state.connection.kind !== 'lost') return
        close()
        update({ connection: { kind: 'refused', why } })
      },
      () => {}, // not reachable at all: the back-off goes on
    )
  }

  const open = (): void => {
    close()
    if (url === undefined) return
    const opened = options.openStream(url)
    stream = opened
    opened.addEventListener('overview', event => {
      if (stream === opened) onOverview(JSON.parse(String(event.data)) as Overview)
    })
    opened.addEventListener('error', () => {
      if (stream === opened) onBreak()
    })
    watchSilence()
  }

  return {
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    getState: () => state,
    follow(next) {
      if (url === next && stream !== undefined) return
      url = next
      open()
    },
    retryNow() {
      if (state.connection.kind === 'lost' || state.connection.kind === 'refused') open()
    },
    stop() {
      url = undefined
      close()
    },
  }
}
