import { currentRequestScope, runInRequestScope, shareRequestScope } from '../../core/index.ts'
import { ALLOWED_REPEATS } from './request-calls.ts'

/** Runs `work` so that statements which it repeats are meant. Everything else of the request is counted as ever. */
export function allowRepeats<T>(work: () => T): T {
  const scope = currentRequestScope()
  return scope === undefined ? work() : runInRequestScope(shareRequestScope(scope, { statementCalls: ALLOWED_REPEATS }), work)
}
