// Writers beside the advisor, and what they waited for.
import { withClient } from './arrangement.mjs'

/** Updates a second of each writer. */
const RATE = 100
/** Between two looks at who blocks whom. */
const LOOK_EVERY_MS = 10

/** Updates rows of `lead` at a fixed rate until it is stopped. A late start counts as waiting, so that a stall is not hidden by the calls that it kept back; what this
 *  process was late by itself does not. */
export function startWriter(url, database, leadCount) {
  let stopped = false
  let pid
  const waits = []
  const done = withClient(url, database, async client => {
    pid = (await client.query('select pg_backend_pid() as pid')).rows[0].pid
    const startedAt = performance.now()
    for (let n = 0; !stopped; n++) {
      const dueAt = startedAt + (n * 1000) / RATE
      const early = dueAt - performance.now()
      if (early > 0) await new Promise(resolve => setTimeout(resolve, early))
      const sentAt = performance.now()
      await client.query('update lead set last_seen_at = now() where id = $1', [1 + ((n * 7919) % leadCount)])
      waits.push(performance.now() - (early > 0 ? sentAt : dueAt))
    }
  })
  return {
    pid: () => pid,
    async stop() {
      stopped = true
      await done
      waits.sort((a, b) => a - b)
      return { longestMs: waits.at(-1), p99Ms: waits[Math.floor(waits.length * 0.99)] }
    },
  }
}

/** Looks for locks that keep a writer waiting. The longest time that somebody held it up, in ms, to within the interval between two looks. */
export function watchBlocked(url, database, writer) {
  let stopped = false
  let longestMs = 0
  const done = withClient(url, database, async client => {
    let since
    while (!stopped) {
      const now = performance.now()
      const { rows } = await client.query('select cardinality(pg_blocking_pids($1)) > 0 as blocked', [writer.pid() ?? 0])
      if (!rows[0].blocked) since = undefined
      else since ??= now
      if (since !== undefined) longestMs = Math.max(longestMs, performance.now() - since)
      await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
    }
  })
  return async () => {
    stopped = true
    await done
    return longestMs
  }
}
