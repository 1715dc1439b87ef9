import type { ConnectionState, StatementWatch } from './statement-watch.ts'
import { isSubmittable, submittableText, watchSubmittable } from './submittable.ts'
import type { DriverCallback, DriverClient, DriverQuery } from './user-pool.ts'

interface QueryConfigObject {
  readonly text?: unknown
  readonly name?: unknown
  readonly values?: unknown
  readonly callback?: unknown
}

/** `client.query` with its start and end stamped. Whatever the driver would refuse goes to it untouched, so that its own error comes back. */
export function observedQuery(
  watch: StatementWatch,
  state: ConnectionState,
  client: DriverClient,
  query: DriverQuery,
  promiseClass: PromiseConstructor,
  args: readonly [config: unknown, values?: unknown, callback?: unknown],
): unknown {
  const [config, values, callback] = args
  if (!watch.active || config === null || config === undefined) return query.call(client, ...args)
  if (isSubmittable(config)) {
    const running = watch.begin(state, submittableText(config), (config as QueryConfigObject).values)
    watchSubmittable(config, (error, rowCount) => watch.end(running, error, rowCount))
    return watch.send(running, () => query.call(client, ...args))
  }
  const text = textOf(config)
  const given = callback || (typeof values === 'function' ? values : (config as QueryConfigObject).callback)
  if (text === undefined || (given && typeof given !== 'function')) return query.call(client, ...args)

  const binds = typeof values === 'function' ? undefined : values
  const running = watch.begin(state, text, binds ?? (config as QueryConfigObject).values)
  if (given) {
    const done = given as DriverCallback
    const ended: DriverCallback = (error, result) => {
      watch.end(running, error, rowCountOf(result))
      done(error, result)
    }
    return watch.send(running, () => query.call(client, config, binds, ended))
  }
  let settle: DriverCallback
  const promise = new promiseClass((resolve, reject) => {
    settle = (error, result) => {
      watch.end(running, error, rowCountOf(result))
      if (error) reject(error)
      else resolve(result)
    }
  })
  watch.send(running, () => query.call(client, config, binds, settle))
  // The driver does the same in its promise form: the stack leads to the caller instead of to the socket.
  return promise.catch((error: Error) => {
    Error.captureStackTrace(error)
    throw error
  })
}

/** The text that the statement is counted under; `undefined` when the driver will refuse it. */
function textOf(config: unknown): string | undefined {
  if (typeof config === 'string') return config
  const { text, name } = config as QueryConfigObject
  if (typeof text === 'string') return text
  return typeof name === 'string' && (text === undefined || text === null) ? `execute "${name.replaceAll('"', '""')}"` : undefined
}

/** A text of several statements has several results. */
function rowCountOf(result: unknown): number {
  if (Array.isArray(result)) return result.reduce((total: number, part) => total + rowCountOf(part), 0)
  return (result as { rowCount?: number | null } | undefined)?.rowCount ?? 0
}
