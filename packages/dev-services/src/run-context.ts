import type { FreeBytes } from './disk.ts'
import type { Launcher } from './launcher.ts'
import type { Slot } from './slot.ts'

/** What every step of one start shares. */
export interface RunContext {
  readonly env: NodeJS.ProcessEnv
  readonly launcher: Launcher
  /** Binaries and copies that all runs share. Created when first asked for. */
  cacheFolder(): string
  /** The folder of this run. Claimed when first asked for: a start that uses other people's servers needs none. */
  slot(): Promise<Slot>
  /** Fires when the start has failed elsewhere. */
  readonly signal: AbortSignal
  progress(line: string): void
  readonly durable: boolean
  readonly detached: boolean
  readonly freeBytes: FreeBytes
}

/** The environment of a service: nothing of ours but where programs are found, and English messages, for we read them. */
export function serviceEnv(context: RunContext): NodeJS.ProcessEnv {
  const { PATH, TZ } = context.env
  return { LC_ALL: 'C', ...(PATH === undefined ? {} : { PATH }), ...(TZ === undefined ? {} : { TZ }) }
}
