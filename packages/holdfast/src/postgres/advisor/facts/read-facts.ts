import type { Catalog } from '../catalog.ts'
import { type AdvisorClient, readRows, sqlStateOf, withClient } from '../client.ts'
import { quoteIdent } from '../identifier.ts'
import type { ParsedInsert, ParsedStatement } from '../predicates.ts'
import { estimateWaste, isBloated } from '../rules/bloat.ts'
import { FOREIGN_KEYS, type ForeignKeyRow } from '../sql/foreign-keys.sql.ts'
import { FUNCTION_VOLATILITY, type FunctionVolatilityRow } from '../sql/function-volatility.sql.ts'
import { INDEX_HEALTH, type IndexHealthRow } from '../sql/index-health.sql.ts'
import { INDEX_SCANS, type IndexScansRow } from '../sql/index-scans.sql.ts'
import { LOCK_WAITS, type LockWaitRow } from '../sql/lock-waits.sql.ts'
import { type MeasuredBloatRow, measuredBloat } from '../sql/measured-bloat.sql.ts'
import { SEQUENCE_HEALTH, type SequenceHealthRow } from '../sql/sequence-health.sql.ts'
import { SERVER_FACTS, type ServerFactsRow } from '../sql/server-facts.sql.ts'
import { SESSIONS, type SessionRow } from '../sql/sessions.sql.ts'
import { type StatementBlocksRow, statementBlocks } from '../sql/statement-blocks.sql.ts'
import { TABLE_HEALTH, type TableHealthRow } from '../sql/table-health.sql.ts'
import { VIEW_REFRESHES, type ViewRefreshRow } from '../sql/view-refreshes.sql.ts'
import type { WorkloadWindow } from '../workload.ts'
import { readCorrelatedColumns } from './correlated-columns.ts'
import { type Known, known, readKnown, unknown } from './known.ts'
import type { MeasuredWaste, OfferedIndex, PoolShare, RuleFacts, RuleStatement } from './rule-facts.ts'
import { statementTraits } from './statement-traits.ts'
import { watchIndexes } from './watch-indexes.ts'

/** What facts are read with. */
export interface FactsInput {
  readonly client: AdvisorClient
  /** Schema of pg_stat_statements. */
  readonly extensionSchema: string
  /** Whether notes may be kept in schema holdfast. */
  readonly mayKeep: boolean
  readonly window: WorkloadWindow
  readonly parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>
  readonly catalog: Catalog
  /** Statements with fewer calls in the window are left out. */
  readonly minCalls: number
  readonly replicas: readonly (() => Promise<AdvisorClient>)[]
  readonly pools: readonly PoolShare[]
  readonly offered: readonly OfferedIndex[]
}

/** Tables that pgstattuple measures in one run. */
const MOST_MEASURED = 3
/** Larger ones are not measured: pgstattuple_approx reads every page that is not all-visible. */
const MOST_MEASURED_BYTES = 1024 ** 3

/** Reads what all rules judge by. About 17 round trips, and for tables that look bloated or correlated some more; nothing is changed but the notes on indexes. */
export async function readFacts(input: FactsInput): Promise<RuleFacts> {
  const { client, window, parsed, catalog } = input
  const [server] = await readRows<ServerFactsRow>(client, SERVER_FACTS)
  const role = quoteIdent(server!.role)
  const monitor = `GRANT pg_monitor TO ${role}`
  const tables = await readKnown<TableHealthRow>(client, TABLE_HEALTH, [], monitor)
  const indexes = await readKnown<IndexHealthRow>(client, INDEX_HEALTH, [], monitor)
  const statements = await readStatements(input)
  const grant = `GRANT CREATE ON DATABASE ${quoteIdent(server!.database)} TO ${role}`
  const watching = { mayKeep: input.mayKeep, nowMs: server!.nowMs, grant }
  return {
    server: server!,
    tables,
    indexes,
    indexWatch: indexes.known ? await watchIndexes(client, indexes.value, watching) : indexes,
    replicaScans: await readReplicas(input.replicas),
    sequences: await readKnown<SequenceHealthRow>(client, SEQUENCE_HEALTH, [], monitor),
    foreignKeys: await readKnown<ForeignKeyRow>(client, FOREIGN_KEYS, [], monitor),
    sessions: await readKnown<SessionRow>(client, SESSIONS, [], monitor),
    lockWaits: await readKnown<LockWaitRow>(client, LOCK_WAITS, [], monitor),
    viewRefreshes: await readKnown<ViewRefreshRow>(
      client,
      VIEW_REFRESHES,
      [],
      `GRANT USAGE ON SCHEMA holdfast TO ${role}; GRANT SELECT ON holdfast.view_refresh TO ${role}`,
    ),
    statements,
    parsed,
    windows: window.statements,
    windowMs: window.windowMs,
    catalog,
    volatileFunctions: await readVolatile(client, statements),
    correlated: await readCorrelatedColumns(client, statements, catalog),
    measuredWaste: await measureWaste(client, server!, tables),
    pools: input.pools,
    offered: input.offered,
  }
}

async function readStatements({ client, extensionSchema, window, parsed, minCalls }: FactsInput): Promise<RuleStatement[]> {
  const rows = await readRows<StatementBlocksRow>(client, statementBlocks(extensionSchema))
  const blocks = new Map(rows.map(row => [row.queryId, row]))
  const statements: RuleStatement[] = []
  for (const [queryId, statement] of parsed) {
    const figures = window.statements.get(queryId)
    if (statement.kind === 'insert' || figures === undefined || figures.calls < minCalls) continue
    const row = blocks.get(queryId)
    const perCall = (count: number): number => count / Math.max(1, row?.calls ?? 0)
    statements.push({
      parsed: statement,
      window: figures,
      shareOfTime: window.totalMs > 0 ? figures.totalMs / window.totalMs : 0,
      traits: statementTraits(statement.text),
      ...(row === undefined
        ? {}
        : {
            blocks: {
              calls: row.calls,
              blocksPerCall: perCall(row.blocks),
              tempBlocksPerCall: perCall(row.tempBlocks),
              rowsPerCall: perCall(row.rows),
            },
          }),
    })
  }
  return statements.sort((a, b) => b.window.totalMs - a.window.totalMs)
}

async function readVolatile(client: AdvisorClient, statements: readonly RuleStatement[]): Promise<ReadonlySet<string>> {
  const called = [...new Set(statements.flatMap(statement => statement.parsed.functions))]
  if (called.length === 0) return new Set()
  const rows = await readRows<FunctionVolatilityRow>(client, FUNCTION_VOLATILITY, [called])
  return new Set(rows.filter(row => row.volatility === 'v').map(row => row.name))
}

async function readReplicas(replicas: FactsInput['replicas']): Promise<Known<readonly (readonly IndexScansRow[])[]>> {
  try {
    return known(await Promise.all(replicas.map(connect => withClient(connect, client => readRows<IndexScansRow>(client, INDEX_SCANS)))))
  } catch (error) {
    // A replica that is away must not stop the advice about the primary; what its counters hold is then not known.
    return unknown(`the counters of a replica could not be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function measureWaste(
  client: AdvisorClient,
  server: ServerFactsRow,
  tables: Known<TableHealthRow[]>,
): Promise<Known<ReadonlyMap<number, MeasuredWaste>>> {
  const schema = server.pgstattupleSchema
  if (schema === null) return unknown('extension pgstattuple is not installed in this database', 'CREATE EXTENSION pgstattuple')
  const measured = new Map<number, MeasuredWaste>()
  const suspects = (tables.known ? tables.value : []).filter(table => {
    const waste = estimateWaste(table, server.blockBytes)
    return waste !== undefined && isBloated(waste) && waste.tableBytes <= MOST_MEASURED_BYTES
  })
  try {
    for (const { oid } of suspects.slice(0, MOST_MEASURED)) {
      const [row] = await readRows<MeasuredBloatRow>(client, measuredBloat(schema), [oid])
      if (row !== undefined) measured.set(oid, row)
    }
    return known(measured)
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error
    return unknown('pgstattuple could not be called', `GRANT pg_stat_scan_tables TO ${quoteIdent(server.role)}`)
  }
}
