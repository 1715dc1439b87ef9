import type { TieredCache } from '../../cache/index.ts'
import type { Logger } from '../../core/index.ts'
import type { FillTicket, ResponseStore, StoredVariants } from './response-store.ts'

/** Sets answers of the response cache apart from other entries of the same cache. */
const PREFIX = 'http:'

interface OpenTicket extends FillTicket {
  isVoid: boolean
}

/** Keeps responses in the data cache: in this process, and in Redis when there is one. What the cache refuses is logged and not stored: the answer is made already. */
export function createCacheStore(cache: Pick<TieredCache, 'peekShared' | 'get' | 'set' | 'delete'>, logger: Logger): ResponseStore {
  const open = new Map<string, Set<OpenTicket>>()
  const close = (ticket: OpenTicket): void => {
    const tickets = open.get(ticket.key)
    tickets?.delete(ticket)
    if (tickets?.size === 0) open.delete(ticket.key)
  }
  return {
    peek: key => cache.peekShared<StoredVariants>(PREFIX + key),
    find: key => cache.get<StoredVariants>(PREFIX + key),
    begin: key => {
      const ticket: OpenTicket = { key, isVoid: false }
      const tickets = open.get(key) ?? new Set()
      open.set(key, tickets.add(ticket))
      return ticket
    },
    put: async (ticket, variants, aliveMs) => {
      if ((ticket as OpenTicket).isVoid) return false
      try {
        await cache.set(PREFIX + ticket.key, variants, { ttl: `${Math.max(1, Math.round(aliveMs))}ms` })
        return true
      } catch (error) {
        logger.warn({ err: error }, 'response cache: a response could not be stored')
        return false
      }
    },
    end: ticket => close(ticket as OpenTicket),
    drop: async key => {
      for (const ticket of open.get(key) ?? []) ticket.isVoid = true
      await cache.delete(PREFIX + key)
    },
  }
}
