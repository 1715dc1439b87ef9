import { type Finding, moveFinding, type Verification } from '../../core/index.ts'
import type { ActionContext } from './action.ts'
import { readCatalog } from './catalog.ts'
import { advisorErrors } from './errors.ts'
import { figuresOf, statementsOnTable } from './figures.ts'
import { readIndexState } from './guarded-change.ts'
import type { LedgerEntry } from './ledger.ts'
import { measurementOf } from './missing-index-finding.ts'
import { parseWorkload, tablesNamed } from './parse-workload.ts'
import { planUsesIndex } from './plan-uses-index.ts'
import { readSurroundings, readWorkload } from './read-workload.ts'
import { decideVerdict, type VerdictOutput } from './verdict.ts'
import { windowBetween } from './workload.ts'

/** Compares the finding's statements since the build with before. `fixed` leads to state verified, `regressed` to regressed; with `no effect` and
 *  `undecided` the finding stays as it is. Reads only, but for the ledger. */
export async function verifyFinding({ client, clock, ledger }: ActionContext, entry: LedgerEntry, minCalls: number): Promise<Finding> {
  const startedMs = clock.monotonicMs()
  const { finding, bookkeeping } = entry
  const { schema, table: name, afterMark, before } = bookkeeping
  const isApplied = finding.state === 'applied' || finding.state === 'verified' || finding.state === 'regressed'
  if (!isApplied || afterMark === undefined) {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state}; there is nothing to verify before it is applied`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const { schema: extension } = await readSurroundings(client)
  const { mark, texts } = await readWorkload(client, extension, true)
  const window = windowBetween(afterMark, mark)
  const parsed = await parseWorkload(window, texts)
  const catalog = await readCatalog(client, [{ schema, name }, ...tablesNamed(parsed)])
  const table = catalog.table({ schema, name })
  const onTable = statementsOnTable(parsed, ref => table !== undefined && catalog.table(ref)?.oid === table.oid)
  const after = figuresOf(window, bookkeeping.targetQueryIds, onTable)
  const index = await readIndexState(client, schema, bookkeeping.indexName)
  const targets = bookkeeping.targetQueryIds.length > 0 ? bookkeeping.targetQueryIds : [...onTable]
  const indexScans = index?.isValid === true ? index.scanCount : undefined
  const planned = targets.map(queryId => parsed.get(queryId)).filter(statement => statement !== undefined)
  const output = decideVerdict({
    claimedRatio: finding.recommendation.predictedRatio,
    before,
    after,
    indexScans,
    planUses: indexScans === 0 ? await planUsesIndex(client, planned, bookkeeping.indexName) : undefined,
    writers: new Set([...parsed].filter(([, statement]) => statement.kind !== 'select').map(([queryId]) => queryId)),
    reset: window.reset || targets.some(queryId => window.fell.has(queryId)),
    minCalls,
  })
  const verification: Verification = {
    verdict: output.verdict,
    before: measurementOf(before.target, before.windowMs),
    after: measurementOf(after.target, after.windowMs),
    why: output.why,
    regressedStatements: output.regressed.map(({ queryId, beforeMs, afterMs }) => ({
      statement: texts.get(queryId) ?? finding.evidence.statement,
      beforeMs,
      afterMs,
    })),
    revertOffered: output.verdict === 'no effect' || output.verdict === 'regressed',
    atMs: clock.nowMs(),
  }
  const verified = { ...withVerdict(finding, output, clock.nowMs()), verification }
  await ledger.save({ ...entry, finding: verified })
  await ledger.audit({
    what: 'verify',
    findingId: finding.id,
    outcome: output.verdict,
    durationMs: clock.monotonicMs() - startedMs,
    detail: output.why,
  })
  return verified
}

function withVerdict(finding: Finding, { verdict, why }: VerdictOutput, atMs: number): Finding {
  const note = `${verdict}: ${why}`
  if (verdict === 'fixed' && finding.state === 'applied') return moveFinding(finding, 'verified', note, atMs)
  if (verdict === 'regressed' && finding.state !== 'regressed') return moveFinding(finding, 'regressed', note, atMs)
  // Who waits for a verdict asks again and again.
  const past = verdict === 'undecided' && finding.history.at(-1)?.note.startsWith(`${verdict}: `) ? finding.history.slice(0, -1) : finding.history
  return { ...finding, history: [...past, { atMs, state: finding.state, note }] }
}
