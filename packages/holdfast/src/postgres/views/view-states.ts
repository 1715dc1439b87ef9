import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { quoteQualified } from '../advisor/identifier.ts'
import { VIEW_FACTS, type ViewFactsRow } from './sql/view-facts.sql.ts'
import { VIEW_LOG, VIEW_LOG_READABLE, type ViewLogRow } from './sql/view-log.sql.ts'

/** A materialized view of the database, as the catalog and the log of refreshes describe it. */
export interface ViewState {
  /** As SQL text. */
  readonly view: string
  readonly isPopulated: boolean
  /** False: a refresh would block readers, and is refused. */
  readonly hasUsableIndex: boolean
  readonly mayRefresh: boolean
  readonly sizeBytes: number
  /** When it was last refreshed by Holdfast; null when never, as far as the log goes. */
  readonly refreshedAtMs: number | null
  /** By the server's clock; null as above. */
  readonly ageMs: number | null
  readonly isOverdue: boolean
  readonly durationMs: number | null
  readonly rowCount: number | null
  /** Of the last attempt: `refreshed`, `under way`, `overlap`, `died`, `stopped`, or the code of the error; null when there was none. */
  readonly lastOutcome: string | null
  readonly lastDetail: string | null
}

/** The log, or nothing where it was never made or this role may not read it. 2 round trips. */
export async function readViewLog(client: AdvisorClient): Promise<readonly ViewLogRow[]> {
  const [log] = await readRows<{ readable: boolean }>(client, VIEW_LOG_READABLE)
  return log?.readable === true ? readRows<ViewLogRow>(client, VIEW_LOG) : []
}

/** True when the last good refresh is too old. */
export function isOverdue({ overdueAtMs, nowMs }: Pick<ViewLogRow, 'overdueAtMs' | 'nowMs'>): boolean {
  return overdueAtMs !== null && overdueAtMs < nowMs
}

/** Every materialized view in sight. 3 round trips. */
export async function readViewStates(client: AdvisorClient): Promise<readonly ViewState[]> {
  const views = await readRows<ViewFactsRow>(client, VIEW_FACTS, [null, null, null])
  const log = await readViewLog(client)
  return views.map(({ schema, name, isPopulated, hasUsableIndex, mayRefresh, sizeBytes }) => {
    const row = log.find(entry => entry.schema === schema && entry.name === name)
    const refreshedAtMs = row?.refreshedAtMs ?? null
    return {
      ...{ view: quoteQualified(schema, name), isPopulated, hasUsableIndex, mayRefresh, sizeBytes, refreshedAtMs },
      ageMs: row === undefined || refreshedAtMs === null ? null : row.nowMs - refreshedAtMs,
      isOverdue: row !== undefined && isOverdue(row),
      durationMs: row?.durationMs ?? null,
      rowCount: row?.rowCount ?? null,
      lastOutcome: row?.lastOutcome ?? null,
      lastDetail: row?.lastDetail ?? null,
    }
  })
}
