import { type Clock, type Finding, moveFinding } from '../../core/index.ts'
import type { Catalog } from './catalog.ts'
import type { AdvisorClient } from './client.ts'
import { readFacts } from './facts/read-facts.ts'
import type { PoolShare, RuleFacts } from './facts/rule-facts.ts'
import { figuresOf, statementsOnTable } from './figures.ts'
import { idForCause, type Ledger, type LedgerEntry } from './ledger.ts'
import { foundAgain } from './missing-index-finding.ts'
import type { ParsedInsert, ParsedStatement } from './predicates.ts'
import type { Surroundings } from './read-workload.ts'
import { ruleMatches } from './rule-glob.ts'
import { RULES } from './rules/index.ts'
import type { Rule, RuleFinding, RuleUnknown } from './rules/rule.ts'
import type { WorkloadWindow } from './workload.ts'

/** What the rules need beside the workload. */
export interface RulesContext {
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly ledger: Ledger
  readonly surroundings: Surroundings
  readonly replicas: readonly (() => Promise<AdvisorClient>)[]
  readonly pools: readonly PoolShare[]
}

/** The workload that the rules judge. */
export interface RulesInput {
  readonly window: WorkloadWindow
  readonly parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>
  readonly catalog: Catalog
  readonly minCalls: number
  /** Only rules whose name matches, `*` standing for anything. Absent: all. */
  readonly rules: string | undefined
}

/** What the rules found, and what they could not judge. */
export interface RulesOutput {
  readonly findings: readonly Finding[]
  readonly unknown: readonly RuleUnknown[]
}

/** Judges the database by every rule that tries nothing, and keeps the findings. One that is no longer found is moved to `gone`, unless the rule could
 *  not judge. Reads only, but for the ledger. */
export async function runRules(context: RulesContext, input: RulesInput): Promise<RulesOutput> {
  const rules = RULES.filter(rule => ruleMatches(input.rules, rule.name))
  if (rules.length === 0) return { findings: [], unknown: [] }
  const facts = await factsFor(context, input)
  const entries = [...(await context.ledger.entries())]
  const findings: Finding[] = []
  const unknown: RuleUnknown[] = []
  for (const rule of rules) {
    const verdict = rule.judge(facts)
    for (const { why, grant } of verdict.unknown) unknown.push(grant === undefined ? { rule: rule.name, why } : { rule: rule.name, why, grant })
    const kept = new Set<string>()
    for (const found of verdict.findings) {
      const entry = entryFor(rule, found, entries, facts, context, input)
      await context.ledger.save(entry)
      entries.push(entry)
      kept.add(entry.cause)
      findings.push(entry.finding)
    }
    if (verdict.unknown.length === 0) await closeGone(rule, kept, entries, facts, context)
  }
  return { findings, unknown }
}

/** The facts of this moment. */
export async function factsFor({ client, ledger, surroundings, replicas, pools }: RulesContext, input: RulesInput): Promise<RuleFacts> {
  const { window, parsed, catalog, minCalls } = input
  const offered = (await ledger.entries()).filter(({ finding, bookkeeping }) => isOffered(finding) && !bookkeeping.planted)
  return readFacts({
    client,
    extensionSchema: surroundings.schema,
    mayKeep: ledger.persistent,
    window,
    parsed,
    catalog,
    minCalls,
    replicas,
    pools,
    offered: offered.map(({ bookkeeping }) => bookkeeping),
  })
}

function isOffered({ rule, state }: Finding): boolean {
  return rule === 'pg/missing-index' && (state === 'open' || state === 'snoozed')
}

/** The cause of a rule's finding. */
export function ruleCause(rule: string, { subject }: Pick<RuleFinding, 'subject'>): string {
  return `${rule}:${subject}`
}

function entryFor(
  rule: Rule,
  found: RuleFinding,
  entries: readonly LedgerEntry[],
  facts: RuleFacts,
  context: RulesContext,
  input: RulesInput,
): LedgerEntry {
  const cause = ruleCause(rule.name, found)
  const atMs = context.clock.nowMs()
  const { title, severity, savesMsPerSec = 0, evidence, recommendation } = found
  const fresh: Finding = {
    id: idForCause(cause, entries),
    rule: rule.name,
    state: 'open',
    title,
    severity,
    savesMsPerSec,
    evidence,
    recommendation,
    history: [{ atMs, state: 'open', note: `found: ${title}` }],
  }
  const known = entries.find(entry => entry.cause === cause)
  const finding = known === undefined ? fresh : foundAgain(known.finding, fresh, atMs)
  const { schema = '', table = '', keys = [], indexName = '' } = found.target ?? {}
  const onTable = statementsOnTable(facts.parsed, ref => isTable(facts, ref, schema, table))
  const targetQueryIds = found.queryIds ?? []
  const before = figuresOf(input.window, targetQueryIds, onTable)
  const change = found.change === undefined ? {} : { change: found.change }
  return { cause, finding, bookkeeping: { schema, table, keys, indexName, planted: false, targetQueryIds, before, ...change } }
}

function isTable({ catalog }: RuleFacts, ref: { readonly schema?: string; readonly name: string }, schema: string, table: string): boolean {
  const found = catalog.table(ref)
  return found?.schema === schema && found.name === table
}

/** Moves what the rule no longer finds to `gone`. Of a statement that did not run nothing can be said. */
async function closeGone(
  rule: Rule,
  kept: ReadonlySet<string>,
  entries: readonly LedgerEntry[],
  facts: RuleFacts,
  { ledger, clock }: RulesContext,
): Promise<void> {
  for (const entry of entries) {
    const { cause, finding } = entry
    if (finding.rule !== rule.name || kept.has(cause) || (finding.state !== 'open' && finding.state !== 'snoozed')) continue
    const { of, queryId } = finding.evidence
    if (of !== 'object' && (queryId === undefined || !facts.windows.has(queryId))) continue
    await ledger.save({ ...entry, finding: moveFinding(finding, 'gone', 'no longer found', clock.nowMs()) })
  }
}
