import type { HoldfastError } from '../../core/index.ts'
import { cacheErrors } from '../errors.ts'

/** Why Redis could not do what was asked. `forbidden`: this command, to this user. `unsupported`: by this version or proxy. `handshake`: it
 *  is there and does not answer a TLS handshake. `moved`: another member
 *  of the cluster has the key. `try_again`: the key's slot is on its way to another. `refused`: any other error reply. */
export type FaultKind =
  | 'away'
  | 'slow'
  | 'disconnected'
  | 'readonly'
  | 'loading'
  | 'out_of_memory'
  | 'no_script'
  | 'auth'
  | 'handshake'
  | 'forbidden'
  | 'unsupported'
  | 'moved'
  | 'try_again'
  | 'cluster'
  | 'refused'

/** Internal: never reaches a caller of the cache; see {@link toCodedError}. */
export class RedisFault extends Error {
  readonly kind: FaultKind

  constructor(kind: FaultKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Prefixes of Redis error replies. @source redis 7.2 src/server.c createSharedObjects; ioredis 6 errors for the last two */
const PREFIXES: readonly (readonly [prefix: string, kind: FaultKind])[] = [
  ['READONLY', 'readonly'],
  ['LOADING', 'loading'],
  ['OOM', 'out_of_memory'],
  ['MISCONF', 'out_of_memory'],
  ['NOSCRIPT', 'no_script'],
  ['NOAUTH', 'auth'],
  ['WRONGPASS', 'auth'],
  ['NOPERM', 'forbidden'],
  ['ERR unknown', 'unsupported'],
  ['ERR Unknown', 'unsupported'],
  ['ERR syntax', 'unsupported'],
  ['MOVED', 'moved'],
  ['ASK ', 'moved'],
  ['TRYAGAIN', 'try_again'],
  ['CLUSTERDOWN', 'cluster'],
  ['CROSSSLOT', 'cluster'],
]

/** The one place where a driver's error becomes a kind. */
export function toFault(error: unknown): RedisFault {
  if (error instanceof RedisFault) return error
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) }
  const found = PREFIXES.find(([prefix]) => message.startsWith(prefix))
  if (found !== undefined) return new RedisFault(found[1], message)
  return new RedisFault(name === 'ReplyError' ? 'refused' : 'disconnected', message)
}

/** As {@link toFault}, for a connection that does not come about. A server without TLS does not answer a TLS handshake, which looks like no server. */
export function toConnectionFault(error: unknown, client: object): RedisFault {
  const fault = toFault(error)
  const isTls = (client as { options?: { tls?: unknown } }).options?.tls !== undefined
  if (!isTls || (error as { code?: unknown }).code !== 'ETIMEDOUT') return fault
  return new RedisFault('handshake', `${fault.message}; does the server speak TLS?`)
}

/** True when nothing more should be asked of this connection until it was probed. */
export function isOutage(kind: FaultKind): boolean {
  return !['out_of_memory', 'no_script', 'forbidden', 'unsupported', 'moved', 'try_again', 'refused'].includes(kind)
}

/** For what cannot be done without Redis: HF_CACHE_REDIS_AWAY, or HF_CACHE_REDIS_REFUSED when it answered and would not. */
export function toCodedError(error: unknown, what: string): HoldfastError {
  const { kind, message } = toFault(error)
  const isPassing = isOutage(kind) || kind === 'moved' || kind === 'try_again'
  return cacheErrors.create(isPassing ? 'HF_CACHE_REDIS_AWAY' : 'HF_CACHE_REDIS_REFUSED', `${what}: ${message}`, { cause: error })
}
