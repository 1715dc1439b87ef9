import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { seenStatement } from './seen-statement.ts'
import { LOCK_WAITS, type LockWaitRow } from './sql/lock-waits.sql.ts'

/** A session that waits for a lock, or is in the way of one that does. */
export interface LockSession extends Omit<LockWaitRow, 'lockType'> {
  /** Steps from the session that holds everybody up; 0 is that session. */
  readonly depth: number
}

/** One session that waits for nobody, and everybody who waits because of it. */
export interface LockChain {
  /** Undefined fields of a holder that is not seen (a prepared transaction, or a session of another database) are null; its pid is then 0. */
  readonly holder: LockSession
  /** Nearest first. One who waits for several is in the chain of each of them. */
  readonly waiters: readonly LockSession[]
  readonly longestWaitMs: number
}

/** Who waits for whom, now. */
export interface LockReport {
  readonly waitingCount: number
  /** The longest wait first. */
  readonly chains: readonly LockChain[]
}

/** The chains of locks. 1 round trip. */
export async function readLocks(client: AdvisorClient): Promise<LockReport> {
  return lockChains(await readRows<LockWaitRow>(client, LOCK_WAITS))
}

/** Orders sessions into chains. A circle, which the server breaks after deadlock_timeout, is a chain from the session that waited first. */
export function lockChains(rows: readonly LockWaitRow[]): LockReport {
  const byPid = new Map(rows.map(row => [row.pid, row]))
  const waiting = rows.filter(row => row.isWaiting)
  const waitersOf = new Map<number, LockWaitRow[]>()
  for (const row of waiting) {
    for (const pid of new Set(row.blockedBy)) {
      const known = waitersOf.get(pid)
      if (known === undefined) waitersOf.set(pid, [row])
      else known.push(row)
    }
  }
  const roots = [...waitersOf.keys()].filter(pid => byPid.get(pid)?.isWaiting !== true)
  const chains = roots.map(pid => chainFrom(byPid.get(pid) ?? unseen(pid), waitersOf))
  const reached = new Set(chains.flatMap(chain => chain.waiters.map(({ pid }) => pid)))
  // What no root reaches waits in a circle.
  for (const row of waiting.toSorted((a, b) => (b.waitedMs ?? 0) - (a.waitedMs ?? 0))) {
    if (reached.has(row.pid)) continue
    const chain = chainFrom(row, waitersOf)
    reached.add(row.pid)
    for (const { pid } of chain.waiters) reached.add(pid)
    chains.push(chain)
  }
  return { waitingCount: waiting.length, chains: chains.sort((a, b) => b.longestWaitMs - a.longestWaitMs) }
}

function chainFrom(holder: LockWaitRow, waitersOf: ReadonlyMap<number, readonly LockWaitRow[]>): LockChain {
  const seen = new Set([holder.pid])
  const waiters: LockSession[] = []
  let level: readonly LockWaitRow[] = [holder]
  for (let depth = 1; level.length > 0; depth++) {
    const next: LockWaitRow[] = []
    for (const { pid } of level) {
      for (const waiter of waitersOf.get(pid) ?? []) {
        if (seen.has(waiter.pid)) continue
        seen.add(waiter.pid)
        next.push(waiter)
        waiters.push(session(waiter, depth))
      }
    }
    level = next
  }
  return { holder: session(holder, 0), waiters, longestWaitMs: Math.max(0, ...waiters.map(({ waitedMs }) => waitedMs ?? 0)) }
}

function session({ lockType, statement, lockMode, ...row }: LockWaitRow, depth: number): LockSession {
  const what = row.relation === null && lockMode !== null ? `${lockMode} on a ${lockType}` : lockMode
  return { ...row, statement: seenStatement(statement), lockMode: what, depth }
}

function unseen(pid: number): LockWaitRow {
  return {
    ...{ pid, role: '', application: pid === 0 ? 'a prepared transaction' : 'a session of another database', state: '', statement: null },
    ...{ transactionMs: null, waitedMs: null, isWaiting: false, lockMode: null, lockType: null, relation: null, blockedBy: [] },
  }
}
