import { currentRequestScope, type RequestScope } from '../../core/index.ts'

/** Runs one statement on the primary that writes nothing: the request need not see more afterwards than before. */
export async function leavingNoMark<T>(work: () => Promise<T>, scope: RequestScope | undefined = currentRequestScope()): Promise<T> {
  if (scope === undefined) return work()
  const { primaryEndMs, statementCount } = scope
  const result = await work()
  // Something else that ended meanwhile has left its mark in the same place, which then stays.
  if (scope.statementCount === statementCount + 1) scope.primaryEndMs = primaryEndMs
  return result
}
