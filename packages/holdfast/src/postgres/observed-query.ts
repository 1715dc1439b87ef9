import { COUNTED_AS } from './own-statement.ts'
import type { ConnectionState, RunningStatement, StatementWatch } from './statement-watch.ts'
import { isSubmittable, submittableText, watchSubmittable } from './submittable.ts'
import type { DriverCallback, DriverClient, DriverQuery } from './user-pool.ts'

/** The members of a query's config object that decide how it is called. */
interface QueryConfigObject {
  readonly text?: unknown
  readonly name?: unknown
  readonly values?: unknown
  readonly callback?: unknown
  readonly [COUNTED_AS]?: string
}

/** One connection as its `query` sees it. */
export interface ObservedConnection {
  readonly watch: StatementWatch
  readonly state: ConnectionState
  readonly promiseClass: PromiseConstructor
}

/** `client.query` with its start and end stamped. Whatever the driver would refuse goes to it untouched, so that its own error comes back.
 *  Four parameters instead of a rest, because this runs for every statement. */
export function observedQuery(
  connection: ObservedConnection,
  client: DriverClient,
  query: DriverQuery,
  config: unknown,
  values: unknown,
  callback: unknown,
): unknown {
  const { watch, state } = connection
  if (!watch.active || config === null || config === undefined) return query.call(client, config, values, callback)
  const isText = typeof config === 'string'
  if (!isText && isSubmittable(config)) {
    return observedSubmittable(connection, client, query, config, values, callback)
  }
  const text = isText ? config : textOf(config as QueryConfigObject)
  const isCallbackSecond = typeof values === 'function'
  const given = callback || (isCallbackSecond ? values : isText ? undefined : (config as QueryConfigObject).callback)
  if (text === undefined || (given && typeof given !== 'function')) return query.call(client, config, values, callback)

  const binds = isCallbackSecond ? undefined : values
  const running = watch.begin(state, text, binds ?? (isText ? undefined : (config as QueryConfigObject).values))
  if (given) {
    const done = given as DriverCallback
    const ended: DriverCallback = (error, result) => {
      watch.end(running, error, rowCountOf(result))
      try {
        done(error, result)
      } finally {
        state.isAnswered = false
      }
    }
    const answer = send(watch, running, client, query, config, binds, ended)
    if (!isText) leaveCallback(config as CallbackHolder, ended, done)
    return answer
  }
  return observedPromise(connection, running, client, query, config, binds)
}

function observedSubmittable(
  { watch, state }: ObservedConnection,
  client: DriverClient,
  query: DriverQuery,
  target: object,
  values: unknown,
  callback: unknown,
): unknown {
  // One that takes no property, so that its methods cannot be covered.
  if (!Object.isExtensible(target)) return query.call(client, target, values, callback)
  const running = watch.begin(state, submittableText(target), (target as QueryConfigObject).values)
  watchSubmittable(target, (error, rowCount) => watch.end(running, error, rowCount))
  return send(watch, running, client, query, target, values, callback)
}

/** By the driver's callback form, because a promise more is dear where requests have a scope (Node 20). */
function observedPromise(
  { watch, promiseClass }: ObservedConnection,
  running: RunningStatement,
  client: DriverClient,
  query: DriverQuery,
  config: unknown,
  binds: unknown,
): unknown {
  let settle: DriverCallback
  const promise = new promiseClass((resolve, reject) => {
    settle = (error, result) => {
      watch.end(running, error, rowCountOf(result))
      if (error) reject(error)
      else resolve(result)
    }
  })
  // A config that cannot take the callback which `pg` before 8.23 writes into it must not fail for one that the caller did not give.
  const sent = Object.isExtensible(config) || typeof config === 'string' ? config : { ...(config as QueryConfigObject) }
  send(watch, running, client, query, sent, binds, settle!)
  if (typeof config !== 'string') leaveCallback(config as CallbackHolder, settle!, undefined)
  return promise.catch(withCallersStack)
}

interface CallbackHolder {
  callback?: unknown
}

/** `pg` before 8.23 writes the callback into the caller's config. Ours must not stay there: a config that is sent again would be taken for the callback form. */
function leaveCallback(config: CallbackHolder, ours: DriverCallback, callers: DriverCallback | undefined): void {
  if (config.callback !== ours) return
  if (callers === undefined) delete config.callback
  else config.callback = callers
}

/** The driver does the same in its promise forms: the stack leads to the caller instead of to the socket. */
export function withCallersStack(error: unknown): never {
  Error.captureStackTrace(error as Error)
  throw error
}

function send(
  watch: StatementWatch,
  running: RunningStatement,
  client: DriverClient,
  query: DriverQuery,
  config: unknown,
  values: unknown,
  callback: unknown,
): unknown {
  if (running.trace === undefined) return query.call(client, config, values, callback)
  return watch.trace(running.trace, () => query.call(client, config, values, callback))
}

/** The text that the statement is counted under; `undefined` when the driver will refuse it, or when it is Holdfast's own. */
function textOf(config: QueryConfigObject): string | undefined {
  const { text, name } = config
  const countedAs = config[COUNTED_AS]
  if (countedAs !== undefined) return countedAs === '' ? undefined : countedAs
  if (typeof text === 'string') return text
  return typeof name === 'string' && (text === undefined || text === null) ? `execute "${name.replaceAll('"', '""')}"` : undefined
}

/** A text of several statements has several results. */
function rowCountOf(result: unknown): number {
  if (Array.isArray(result)) return result.reduce((total: number, part) => total + rowCountOf(part), 0)
  return (result as { rowCount?: number | null } | undefined)?.rowCount ?? 0
}
