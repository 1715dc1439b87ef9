/** Why a component does less than it should. */
export interface HealthReason {
  /** The component, for example `redis` or `postgres`. */
  readonly component: string
  /** One sentence: what is wrong and what that costs. Holds no secret. */
  readonly why: string
  /** Wall-clock milliseconds since when. */
  readonly sinceMs: number
}

/** `ok`: all is well. `degraded`: requests are answered, with less speed or less protection. `down`: requests fail. */
export interface Health {
  readonly status: 'ok' | 'degraded' | 'down'
  readonly reasons: readonly HealthReason[]
}

/** One component's word on itself. Absent reason means ok. */
export interface HealthSource {
  health(): Health
}

/** The worst status and all reasons. */
export function mergeHealth(parts: readonly Health[]): Health {
  const reasons = parts.flatMap(part => part.reasons)
  if (parts.some(part => part.status === 'down')) return { status: 'down', reasons }
  if (parts.some(part => part.status === 'degraded')) return { status: 'degraded', reasons }
  return { status: 'ok', reasons }
}
