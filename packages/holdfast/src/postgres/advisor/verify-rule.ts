import { type Finding, moveFinding, type Verdict, type Verification } from '../../core/index.ts'
import { readCatalog } from './catalog.ts'
import { advisorErrors } from './errors.ts'
import { figuresOf, statementsOnTable } from './figures.ts'
import type { LedgerEntry } from './ledger.ts'
import { measurementOf } from './missing-index-finding.ts'
import { parseWorkload, tablesNamed } from './parse-workload.ts'
import { readWorkload } from './read-workload.ts'
import type { RuleChange } from './rule-change.ts'
import { RULES } from './rules/index.ts'
import { factsFor, type RulesContext, type RulesInput, ruleCause } from './run-rules.ts'
import { decideVerdict } from './verdict.ts'
import { windowBetween } from './workload.ts'

/** Says whether a rule's change helped: for a dropped index whether any statement on the table got slower; for all others whether the rule, asked again,
 *  still finds it. Reads only, but for the ledger. */
export async function verifyRule(context: RulesContext, entry: LedgerEntry, change: RuleChange, minCalls: number): Promise<Finding> {
  const { clock, ledger } = context
  const startedMs = clock.monotonicMs()
  const { finding, bookkeeping } = entry
  const isApplied = finding.state === 'applied' || finding.state === 'verified' || finding.state === 'regressed'
  if (!isApplied || bookkeeping.afterMark === undefined) {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state}; there is nothing to verify before it is applied`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const verification = change.kind === 'drop-index' ? await verifyDrop(context, entry, minCalls) : await askAgain(context, entry)
  const note = `${verification.verdict}: ${verification.why}`
  const verified = { ...afterVerdict(finding, verification.verdict, note, clock.nowMs()), verification }
  await ledger.save({ ...entry, finding: verified })
  const durationMs = clock.monotonicMs() - startedMs
  await ledger.audit({ what: 'verify', findingId: finding.id, outcome: verification.verdict, durationMs, detail: verification.why })
  return verified
}

/** The workload since the change, or of all time. */
async function readInput(
  { client, surroundings }: RulesContext,
  entry: LedgerEntry,
  sinceChange: boolean,
): Promise<RulesInput & { texts: ReadonlyMap<string, string> }> {
  const { mark, texts } = await readWorkload(client, surroundings.schema, true)
  const window = windowBetween(sinceChange ? entry.bookkeeping.afterMark : undefined, mark)
  const parsed = await parseWorkload(window, texts)
  const { schema, table } = entry.bookkeeping
  const catalog = await readCatalog(client, [...(table === '' ? [] : [{ schema, name: table }]), ...tablesNamed(parsed)])
  return { window, parsed, catalog, minCalls: 1, rules: entry.finding.rule, texts }
}

async function verifyDrop(context: RulesContext, entry: LedgerEntry, minCalls: number): Promise<Verification> {
  const { finding, bookkeeping } = entry
  const { schema, table: name, before } = bookkeeping
  const { window, parsed, catalog, texts } = await readInput(context, entry, true)
  const table = catalog.table({ schema, name })
  const onTable = statementsOnTable(parsed, ref => table !== undefined && catalog.table(ref)?.oid === table.oid)
  const after = figuresOf(window, [], onTable)
  const output = decideVerdict({
    claimedRatio: undefined,
    before,
    after,
    // A dropped index is not read, and every statement may be slower for it.
    indexScans: 1,
    planUses: undefined,
    writers: new Set([...parsed].filter(([, statement]) => statement.kind !== 'select').map(([queryId]) => queryId)),
    reset: window.reset || [...onTable].some(queryId => window.fell.has(queryId)),
    minCalls,
  })
  const isOver = output.verdict === 'fixed' || output.verdict === 'no effect'
  const verdict: Verdict = isOver ? 'fixed' : output.verdict
  return {
    verdict,
    before: measurementOf(before.target, before.windowMs),
    after: measurementOf(after.target, after.windowMs),
    why: isOver ? `no statement on ${name} got slower in ${after.target?.calls ?? 0} calls since the index is gone` : output.why,
    regressedStatements: output.regressed.map(({ queryId, beforeMs, afterMs }) => ({
      statement: texts.get(queryId) ?? finding.evidence.statement,
      beforeMs,
      afterMs,
    })),
    revertOffered: verdict === 'regressed',
    atMs: context.clock.nowMs(),
  }
}

async function askAgain(context: RulesContext, entry: LedgerEntry): Promise<Verification> {
  const { finding } = entry
  const facts = await factsFor(context, await readInput(context, entry, false))
  const outcome = RULES.find(rule => rule.name === finding.rule)?.judge(facts)
  const still = outcome?.findings.find(found => ruleCause(finding.rule, found) === entry.cause)
  const before = finding.evidence.before
  const shared = { before, regressedStatements: [], atMs: context.clock.nowMs() }
  if (still !== undefined) {
    const why = `the rule still finds it: ${still.title}`
    return { ...shared, verdict: 'no effect', after: still.evidence.before, why, revertOffered: finding.recommendation.revertSql.length > 0 }
  }
  const unknown = outcome?.unknown[0]
  if (unknown !== undefined) return { ...shared, verdict: 'undecided', after: { ...before, sampleCount: 0 }, why: unknown.why, revertOffered: false }
  return {
    ...shared,
    verdict: 'fixed',
    after: { ...before, sampleCount: 0 },
    why: `the rule was asked again and no longer finds it`,
    revertOffered: false,
  }
}

function afterVerdict(finding: Finding, verdict: Verdict, note: string, atMs: number): Finding {
  if (verdict === 'fixed' && finding.state === 'applied') return moveFinding(finding, 'verified', note, atMs)
  if (verdict === 'regressed' && finding.state !== 'regressed') return moveFinding(finding, 'regressed', note, atMs)
  return { ...finding, history: [...finding.history, { atMs, state: finding.state, note }] }
}
