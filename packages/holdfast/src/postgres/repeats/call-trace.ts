import { AsyncLocalStorage } from 'node:async_hooks'
import { type CallSite, captureCallSite } from '../pool/call-site.ts'

/** Where the call of a traced object was made whose statement is being sent. */
const storage = new AsyncLocalStorage<CallSite>()
/** So that a process that traces nothing pays nothing. */
let isUsed = false

/** The call of a traced object that led here; `undefined` when none did. */
export function tracedCallSite(): CallSite | undefined {
  return isUsed ? storage.getStore() : undefined
}

/** The same object, with the difference that each statement sent through it knows the line that asked for it. Drizzle's builders and some calls of Prisma
 *  send theirs later, when their promise is awaited, and by then the stack no longer leads to the caller. Costs a stack (10 to 20 us) a call. */
export function traceCalls<Target extends object>(target: Target): Target {
  isUsed = true
  return traced(target, undefined)
}

/** @param site of the call that `target` came from; `undefined` for an object that was not called yet. */
function traced<Target extends object>(target: Target, site: CallSite | undefined): Target {
  return new Proxy(target, {
    get(_, name) {
      const member = Reflect.get(target, name, target) as unknown
      if (typeof member === 'function') return tracedMethod(target, name, member as Method, site)
      return isTraceable(target, name, member) ? traced(member, site) : member
    },
  })
}

type Method = (...args: unknown[]) => unknown

function tracedMethod(target: object, name: PropertyKey, method: Method, site: CallSite | undefined): Method {
  const call: Method = (...args) => {
    const at = site ?? captureCallSite(call)
    const given = TRANSACTIONS.has(name) ? args.map(tracedCallback) : args
    const result = storage.run(at, () => method.apply(target, given))
    // A promise is under way already; what has more than that, a builder, may send when it is awaited.
    return typeof result === 'object' && result !== null && !(result instanceof Promise) && !Array.isArray(result) ? traced(result, at) : result
  }
  return call
}

const TRANSACTIONS: ReadonlySet<PropertyKey> = new Set(['transaction', '$transaction'])

/** The function given to a transaction gets a traced one. */
function tracedCallback(callback: unknown): unknown {
  if (typeof callback !== 'function') return callback
  return (tx: object, ...rest: unknown[]) => (callback as Method)(traced(tx, undefined), ...rest)
}

/** Invariants of proxies: a fixed property must be given as it is. */
function isTraceable(target: object, name: PropertyKey, member: unknown): member is object {
  if (typeof member !== 'object' || member === null || typeof name === 'symbol' || name === '_') return false
  const own = Object.getOwnPropertyDescriptor(target, name)
  return own === undefined || own.configurable === true || own.writable === true
}
