import { escapeGlob } from '../glob.ts'

/** Names of things in Redis. */
export interface RedisNames {
  /** An entry is `keyPrefix + key + keySuffix`, its lease `leasePrefix + key + keySuffix`, its fence `fencePrefix + key + keySuffix`. */
  readonly keyPrefix: string
  readonly leasePrefix: string
  readonly fencePrefix: string
  readonly keySuffix: string
  readonly tagPrefix: string
  readonly counterPrefix: string
  readonly lockPrefix: string
  readonly channel: string
  /** Before a pattern in a message. */
  readonly patternPrefix: string
  /** Before a pattern, itself a pattern: entries and leases. `keySuffix` comes after it. */
  readonly scanPrefix: string
}

/** Names for a namespace. In a cluster an entry, its lease and its fence must share a slot, so the key stands in braces; the colon is inside them, because braces
 *  around nothing (a key that begins with `}`) would not count. */
export function redisNames(namespace: string, isCluster: boolean): RedisNames {
  const base = `hf:${namespace}`
  return {
    keyPrefix: isCluster ? `${base}:v{:` : `${base}:v:`,
    leasePrefix: isCluster ? `${base}:l{:` : `${base}:l:`,
    fencePrefix: isCluster ? `${base}:f{:` : `${base}:f:`,
    keySuffix: isCluster ? '}' : '',
    tagPrefix: `${base}:t:`,
    counterPrefix: `${base}:c:`,
    lockPrefix: `${base}:k:`,
    channel: `${base}:invalidate`,
    patternPrefix: `${base}:p:`,
    scanPrefix: isCluster ? `${escapeGlob(base)}:[vl]{:` : `${escapeGlob(base)}:[vl]:`,
  }
}
