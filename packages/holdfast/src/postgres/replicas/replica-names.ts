import type { UserPool } from '../user-pool.ts'

/** `host:port` of each pool, with a number behind those that would be called the same; `replica-1` and so on where the host is not known. */
export function replicaNames(pools: readonly UserPool[]): string[] {
  const seen = new Map<string, number>()
  return pools.map((pool, at) => {
    const name = addressOf(pool.options) ?? `replica-${at + 1}`
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}#${count}`
  })
}

function addressOf(options: UserPool['options']): string | undefined {
  const { connectionString, host, port } = options as { connectionString?: unknown; host?: unknown; port?: unknown }
  if (typeof connectionString === 'string') {
    try {
      const url = new URL(connectionString)
      // A password with a bare slash ends the host early: then what looks like a path may be a part of it.
      if (url.hostname !== '' && !url.pathname.includes('@')) return `${url.hostname}:${url.port || '5432'}`
    } catch {
      return undefined
    }
  }
  return typeof host === 'string' ? `${host}:${port ?? 5432}` : undefined
}
