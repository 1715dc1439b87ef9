import type { ExaminedStatement, SeenBinds } from './examined.ts'
import type { ParsedInsert, ParsedStatement } from './predicates.ts'
import type { WorkloadWindow } from './workload.ts'

/** Why a statement of the window was not looked at. */
export type UnexaminedReason = 'not-read' | 'adds-rows' | 'no-table' | 'few-calls' | 'beyond-limit'

/** A statement of the window that was not examined. */
export interface UnexaminedStatement {
  readonly queryId: string
  /** Normalised text. */
  readonly statement: string
  readonly calls: number
  readonly meanMs: number
  readonly reason: UnexaminedReason
  /** One sentence. */
  readonly why: string
}

/** What is looked at, those with most time first, and everything else with the reason. Every statement of the window is in one of the two. */
export interface SelectedStatements {
  readonly examined: readonly ExaminedStatement[]
  readonly unexamined: readonly UnexaminedStatement[]
}

export interface SelectionOptions {
  readonly minCalls: number
  readonly limit: number
  /** Sets of parameters that a statement was seen with. */
  readonly bindsOf: (queryId: string) => readonly SeenBinds[]
}

/** Chooses the statements that indexes are looked for. Pure. */
export function selectStatements(
  window: WorkloadWindow,
  texts: ReadonlyMap<string, string>,
  parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>,
  { minCalls, limit, bindsOf }: SelectionOptions,
): SelectedStatements {
  const examined: ExaminedStatement[] = []
  const unexamined: UnexaminedStatement[] = []
  const passOver = (queryId: string, reason: UnexaminedReason, why: string): void => {
    const { calls, meanMs } = window.statements.get(queryId)!
    unexamined.push({ queryId, statement: texts.get(queryId) ?? '', calls, meanMs, reason, why })
  }
  for (const [queryId, figures] of window.statements) {
    const statement = parsed.get(queryId)
    if (statement === undefined) passOver(queryId, 'not-read', 'it is not understood, or neither read nor change')
    else if (statement.kind === 'insert') passOver(queryId, 'adds-rows', 'it adds rows: indexes cost it, none can serve it')
    else if (statement.scopes.every(scope => scope.tables.length === 0)) passOver(queryId, 'no-table', 'it reads no table')
    else if (figures.calls < minCalls) passOver(queryId, 'few-calls', `${figures.calls} calls in the window; ${minCalls} are asked for`)
    else {
      const share = window.totalMs > 0 ? figures.totalMs / window.totalMs : 0
      examined.push({ parsed: statement, window: figures, shareOfTime: share, rowsPerCall: figures.rows / figures.calls })
    }
  }
  examined.sort((a, b) => b.window.totalMs - a.window.totalMs)
  for (const { window: figures } of examined.slice(limit)) {
    passOver(figures.queryId, 'beyond-limit', `${limit} statements that take more time were examined`)
  }
  const withBinds = examined.slice(0, limit).map(one => {
    const binds = bindsOf(one.window.queryId)
    return binds.length === 0 ? one : { ...one, binds }
  })
  return { examined: withBinds, unexamined }
}
