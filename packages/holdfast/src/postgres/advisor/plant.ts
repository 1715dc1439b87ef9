import type { Finding } from '../../core/index.ts'
import type { ActionContext } from './action.ts'
import { readCatalog } from './catalog.ts'
import { advisorErrors } from './errors.ts'
import { figuresOf, statementsOnTable } from './figures.ts'
import { exactCauseOf, type IndexKey, indexNameFor, keyListSql } from './index-definition.ts'
import { idForCause } from './ledger.ts'
import { BUILD_LOCK_NOTE, indexSql, measurementOf } from './missing-index-finding.ts'
import { parseWorkload, tablesNamed } from './parse-workload.ts'
import { readSurroundings, readWorkload } from './read-workload.ts'
import { type WorkloadMark, windowBetween } from './workload.ts'

/** An index that a person asks for. */
export interface PlantRequest {
  /** Default `public`. */
  readonly schema?: string
  readonly table: string
  /** Column names, in key order; a column may ask for descending order. */
  readonly columns: readonly (string | { readonly name: string; readonly descending?: boolean })[]
  /** Where the time before begins that the verification compares with. Default: the last reset of pg_stat_statements. */
  readonly since?: WorkloadMark
}

/** Puts a finding for the index into the ledger, as open. It was not tried, and its evidence says so. */
export async function plantFinding({ client, clock, ledger }: ActionContext, request: PlantRequest): Promise<Finding> {
  const { schema = 'public', table: name, since } = request
  const keys = request.columns.map(keyOf)
  const { schema: extension } = await readSurroundings(client)
  const { mark, texts } = await readWorkload(client, extension, true)
  const window = windowBetween(since, mark)
  const parsed = await parseWorkload(window, texts)
  const catalog = await readCatalog(client, [{ schema, name }, ...tablesNamed(parsed)])
  const table = catalog.table({ schema, name })
  const unknown = keys.find(key => table?.columns.get(key.name) === undefined)
  if (table === undefined || keys.length === 0 || unknown !== undefined) {
    const what = table === undefined ? `there is no table ${schema}.${name}` : `${schema}.${name} has no column ${unknown?.name ?? ''}`
    throw advisorErrors.create('HF_PG_PLANT_INVALID', what, { context: { schema, table: name, columns: keys.map(key => key.name) } })
  }
  const indexName = indexNameFor(name, { keys })
  if (table.indexes.some(index => index.name === indexName && index.isValid)) {
    throw advisorErrors.create('HF_PG_INDEX_EXISTS', `${schema}.${indexName} exists already`, { context: { name: indexName } })
  }
  const before = figuresOf(
    window,
    [],
    statementsOnTable(parsed, ref => catalog.table(ref)?.oid === table.oid),
  )
  const cause = exactCauseOf(schema, name, { keys })
  const atMs = clock.nowMs()
  const finding: Finding = {
    id: idForCause(cause, await ledger.entries()),
    rule: 'pg/missing-index',
    state: 'open',
    title: `index asked for on ${name}(${keys.map(key => key.name).join(', ')})`,
    savesMsPerSec: 0,
    evidence: {
      tier: 'modeled',
      statement: `-- planted by request: no statement asked for this index; measured by all statements on ${name}`,
      before: measurementOf(before.target, window.windowMs),
      shareOfTime: window.totalMs > 0 ? (before.target?.totalMs ?? 0) / window.totalMs : 0,
    },
    recommendation: {
      ...indexSql(schema, name, { keys }, indexName),
      summary: `Index ${name}(${keyListSql(keys)}), planted by request and not judged`,
      costNote: 'not measured',
      lockNote: BUILD_LOCK_NOTE,
      risk: 'medium',
    },
    history: [{ atMs, state: 'open', note: 'planted by request' }],
  }
  await ledger.save({ cause, finding, bookkeeping: { schema, table: name, keys, indexName, planted: true, targetQueryIds: [], before } })
  return finding
}

function keyOf(column: PlantRequest['columns'][number]): IndexKey {
  const { name, descending = false } = typeof column === 'string' ? { name: column } : column
  return { name, descending, nulls: descending ? 'first' : 'last' }
}
