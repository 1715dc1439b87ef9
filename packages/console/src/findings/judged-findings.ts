import { createHash } from 'node:crypto'
import { type Finding, type FindingState, type Measurement, moveFinding, type Verdict } from 'holdfast/core'
import type { Judgement, ReadCost } from './cache/judgement.ts'

/** Windows in a row that have to agree before a state changes; one may be a deployment or an accident. */
const WINDOWS_TO_AGREE = 2
/** A finding of which nothing could be said for this long is gone. */
const GONE_AFTER_MS = 900_000
/** Findings kept; those of whom nothing was said for longest make room. */
const FINDING_LIMIT = 100
/** Lines of history kept of one finding. */
const HISTORY_LIMIT = 50

/** What the console found by itself, comparing one minute with the next. */
export interface JudgedFindings<View> {
  /** Judges one window. Windows must not overlap. */
  judge(view: View, atMs: number): void
  findings(): readonly Finding[]
  finding(id: string): Finding | undefined
}

interface Entry {
  finding: Finding
  /** The window before the change, to compare later ones with. */
  before: Measurement
  beforeWhy: string
  streak: { readonly is: Judgement['is']; readonly count: number }
  judgedAtMs: number
}

/** What makes one book of findings. */
export interface JudgedFindingsOptions<View> {
  /** Pure, from numbers to judgements. */
  readonly rules: readonly ((view: View) => readonly Judgement[])[]
  /** First letter of the ids, which no other book uses. */
  readonly idPrefix: string
  /** Why a finding of which nothing could be said for 15 minutes is gone. */
  readonly goneNote: string
}

/** An empty book of findings. In memory: a console that restarts finds again what is still so. */
export function createJudgedFindings<View>({ rules, idPrefix, goneNote }: JudgedFindingsOptions<View>): JudgedFindings<View> {
  const entries = new Map<string, Entry>()

  const note = (judgement: Judgement, atMs: number): void => {
    const id = idOf(idPrefix, judgement)
    const known = entries.get(id)
    if (known === undefined) {
      if (judgement.is === 'bad') entries.set(id, openEntry(id, judgement, atMs))
      return
    }
    const count = known.streak.is === judgement.is ? known.streak.count + 1 : 1
    entries.set(id, advance({ ...known, judgedAtMs: atMs, streak: { is: judgement.is, count } }, judgement, atMs))
  }

  return {
    judge(view, atMs) {
      for (const rule of rules) for (const judgement of rule(view)) note(judgement, atMs)
      for (const [id, entry] of entries) {
        if (entry.finding.state === 'gone' || atMs - entry.judgedAtMs < GONE_AFTER_MS) continue
        entries.set(id, { ...entry, finding: move(entry.finding, 'gone', goneNote, atMs) })
      }
      const oldestFirst = [...entries].sort(([, a], [, b]) => a.judgedAtMs - b.judgedAtMs)
      for (const [id] of oldestFirst.slice(0, Math.max(0, entries.size - FINDING_LIMIT))) entries.delete(id)
    },
    findings: () => [...entries.values()].map(entry => entry.finding),
    finding: id => entries.get(id)?.finding,
  }
}

function idOf(prefix: string, { rule, subject }: Judgement): string {
  return `${prefix}-${createHash('sha256').update(`${rule} ${subject}`).digest('hex').slice(0, 6)}`
}

type Bad = Extract<Judgement, { is: 'bad' }>

function openEntry(id: string, judgement: Bad, atMs: number): Entry {
  const finding: Finding = { ...contentOf(judgement), id, state: 'open', history: [{ atMs, state: 'open', note: `found: ${judgement.why}` }] }
  return { finding, before: measure(judgement.reads), beforeWhy: judgement.why, streak: { is: 'bad', count: 1 }, judgedAtMs: atMs }
}

/** The next state of a finding, if enough windows agree on it. */
function advance(entry: Entry, judgement: Judgement, atMs: number): Entry {
  const { state } = entry.finding
  const agrees = entry.streak.count >= WINDOWS_TO_AGREE
  if (judgement.is === 'bad') {
    if (state === 'open' || state === 'regressed') {
      // The numbers shown are those of the newest window that shows the trouble; the comparison begins from them.
      return { ...entry, finding: { ...entry.finding, ...contentOf(judgement) }, before: measure(judgement.reads), beforeWhy: judgement.why }
    }
    if (state === 'gone' && agrees) return { ...entry, ...reopened(entry, judgement, atMs) }
    return state === 'verified' && agrees ? { ...entry, finding: verdictOn(entry, judgement, 'regressed', atMs) } : entry
  }
  const isWaiting = state === 'open' || state === 'regressed' || state === 'snoozed'
  return isWaiting && agrees ? { ...entry, finding: verdictOn(entry, judgement, 'fixed', atMs) } : entry
}

function reopened(entry: Entry, judgement: Bad, atMs: number): Pick<Entry, 'finding' | 'before' | 'beforeWhy'> {
  const { verification: _, ...rest } = entry.finding
  const finding = move({ ...rest, ...contentOf(judgement) }, 'open', `found again: ${judgement.why}`, atMs)
  return { finding, before: measure(judgement.reads), beforeWhy: judgement.why }
}

function verdictOn(entry: Entry, judgement: Judgement, verdict: Extract<Verdict, 'fixed' | 'regressed'>, atMs: number): Finding {
  const why = `${entry.beforeWhy} before; ${judgement.why} in the last of ${WINDOWS_TO_AGREE} windows`
  const verification = {
    ...{ verdict, why, atMs, before: entry.before, after: measure(judgement.reads) },
    regressedStatements: [],
    revertOffered: false,
  }
  if (verdict === 'regressed') return { ...move(entry.finding, 'regressed', `it is back: ${judgement.why}`, atMs), verification }
  const applied = move(entry.finding, 'applied', `the numbers changed: ${judgement.why}`, atMs)
  return { ...move(applied, 'verified', `measured fixed: ${why}`, atMs), verification }
}

function move(finding: Finding, state: FindingState, text: string, atMs: number): Finding {
  const moved = moveFinding(finding, state, text, atMs)
  return { ...moved, history: moved.history.slice(-HISTORY_LIMIT) }
}

function contentOf(judgement: Bad): Omit<Finding, 'id' | 'state' | 'history'> {
  const { rule, subject, statement = subject, title, savesMsPerSec, shareOfTime, figures, recommendation, reads } = judgement
  return {
    rule,
    title,
    savesMsPerSec,
    evidence: { tier: 'measured', statement, before: measure(reads), shareOfTime, figures },
    recommendation: { ...recommendation, sql: [], revertSql: [], lockNote: 'nothing is locked' },
  }
}

/** What a read of the subject costs: loading and Redis, over all reads. */
function measure({ readCount, windowMs, totalMs }: ReadCost): Measurement {
  return { sampleCount: readCount, windowMs, meanMs: readCount === 0 ? 0 : totalMs / readCount }
}
