import type { PredictedRange } from '../../core/index.ts'
import type { Why } from './asks.ts'
import type { Candidate } from './candidates.ts'
import type { Catalog } from './catalog.ts'
import { claimRange } from './claim-range.ts'
import type { AdvisorClient } from './client.ts'
import { keyByRows, withSeenKey } from './document-keys.ts'
import type { ExaminedStatement, SeenBinds } from './examined.ts'
import { asLive, levelUntold, meansOf, type TrialMeans, type TrialPair } from './judge.ts'
import type { Lab } from './lab.ts'
import { orderSets } from './order-sets.ts'
import { ASSUMED_LIMIT, FILLED_PAGE, limitFor, type ParameterHints, type ParameterSet, TRIED_SETS } from './parameters.ts'
import { pagesRead } from './plan.ts'
import { type LabStatement, rewriteForLab } from './rewrite.ts'
import { drawParameters, sampleParameters } from './sample-parameters.ts'
import { settleTypes } from './settle-types.ts'
import { countRows, type Runs, type Subject, timeStatement } from './trial.ts'
import { weighSets } from './weigh-sets.ts'

/** A statement in the lab, with its time before any candidate. */
export interface PreparedStatement {
  readonly examined: ExaminedStatement
  readonly candidates: readonly Candidate[]
  readonly subject: Subject
  readonly before: Runs
  /** Mean of the live calls at the pace of the copy, ms. Absent: not known yet. */
  readonly liveMs?: number
  /** Why no candidate is left: what its parameters are cannot be told. */
  readonly unserved?: Why
}

/** Parameter sets run without candidates where each run takes long: a scan of the whole table takes as long for any of them. */
export const FEWEST_BEFORE = 3

/** How likely a call has parameters of a kind. Values are mostly asked for as often as rows have them; the other kinds are there to show what they would do. */
const LIKELY: Readonly<Record<ParameterSet['kind'], number>> = { typical: 1, frequent: 0, rare: 0.25, observed: 1 }

/** Most that the frequent set counts: a state that nearly all rows have is seldom asked for as often. */
const MOST_FREQUENT_SHARE = 0.05

/** Most that it counts where the rows returned do not tell, as those of a count: then the value that most rows have is as likely as all others. */
const MOST_UNTOLD_SHARE = 0.5

/** Sets run to see how many rows a key of a document finds. */
const KEY_SETS = 6

/** Factor between the times of the two kinds of pattern from which the clock tells which one the application uses. */
const TELLING_FACTOR = 1.3

/** A LIMIT that no answer fills. */
const ALL_ROWS = 1_000_000

/** Live calls that take less than this share of the shorter time stop before they have looked at every row, and tell nothing. */
const STOPS_EARLY = 0.5

/** Part of the way from the shorter time to the longer one, on a scale of ratios, up to which it is the shorter one. */
const NEAR_PREFIX = 0.4

/** Makes a statement ready and times it as it is. `liveRatio`: times that other statements take live, as a multiple of theirs on the copy. `undefined` when no values can be had for its parameters, or its text cannot be turned into a SELECT. */
export async function prepareStatement(
  client: AdvisorClient,
  lab: Lab,
  examined: ExaminedStatement,
  candidates: readonly Candidate[],
  catalog: Catalog,
  random: () => number,
  liveRatio: number,
): Promise<PreparedStatement | undefined> {
  const { parsed, window } = examined
  const isCopied = (ref: { readonly schema?: string; readonly name: string }): boolean => lab.tables.has(catalog.table(ref)?.oid ?? -1)
  const select = rewriteForLab(parsed, isCopied)
  if (select === undefined) return undefined
  const rewritten = await settleTypes(client, select, param => (parsed.params.get(param)?.kind ?? 'assumed') === 'assumed')
  const source = await sampleParameters(client, lab, parsed, rewritten, catalog)
  const isSearch = examined.binds === undefined && candidates.some(candidate => candidate.needsPrefix)
  const rowsPerCall = parsed.kind === 'select' ? examined.rowsPerCall : undefined
  // Who searches by a pattern shows a page of what matches, though one row may be all that does.
  const limit = Math.max(limitFor(rowsPerCall), isSearch ? ASSUMED_LIMIT / 2 : 1)
  const tables = new Set(parsed.scopes.flatMap(scope => scope.tables.map(ref => catalog.table(ref)?.oid ?? -1)).filter(oid => lab.tables.has(oid)))
  const untimed = (sets: readonly ParameterSet[]): Subject => ({ text: rewritten.text, sets, tables })
  const rowsOf = (subject: Subject): Promise<readonly number[]> => countRows(client, lab, subject)
  const { usable, documentKey } = await withOneKey(examined, candidates, async key => {
    const sets = drawParameters(source, random, { limit, pattern: 'infix', documentKey: key }) ?? []
    return rowsOf(untimed(sets.filter(set => set.kind === 'typical').slice(0, KEY_SETS)))
  })
  const timed = async (pattern: ParameterHints['pattern'], page = limit): Promise<PreparedStatement | undefined> => {
    const hints = { limit: page, pattern, ...(documentKey === undefined ? {} : { documentKey }) }
    const sets = examined.binds === undefined ? drawParameters(source, random, hints) : boundSets(examined.binds, rewritten)
    if (sets === undefined || sets.length === 0) return undefined
    const isWeighed = examined.binds === undefined && parsed.kind === 'select' && sets.length > TRIED_SETS
    const subject = untimed(isWeighed ? orderSets(sets, await rowsOf(untimed(sets)), examined.rowsPerCall) : sets)
    return {
      examined,
      candidates: usable,
      subject,
      before: await timeStatement(client, lab, subject, new Set(), { fewest: FEWEST_BEFORE }),
      ...(usable.length === 0 ? { unserved: UNKNOWN_KEY } : {}),
    }
  }
  if (!isSearch) return timed('infix')
  // Live calls whose pages are not full have looked at every row, and are to be compared with runs that do.
  const page = rowsPerCall !== undefined && rowsPerCall >= limit * FILLED_PAGE ? limit : ALL_ROWS
  const leastOf = async (pattern: ParameterHints['pattern']): Promise<number> => least((await timed(pattern, page))?.before)
  const first = [await leastOf('infix'), await leastOf('prefix')] as const
  // Once more, because a slow moment of the machine must not decide.
  const infixMs = Math.min(first[0], await leastOf('infix'))
  const prefixMs = Math.min(first[1], await leastOf('prefix'))
  const liveMs = (window.minMs ?? window.meanMs) / liveRatio
  const isPrefix = isPrefixByTime(liveMs, prefixMs, infixMs)
  const prepared = await timed(isPrefix ? 'prefix' : 'infix')
  if (isPrefix || prepared === undefined) return prepared
  const times = `live calls take what on the copy were ${liveMs.toFixed(1)} ms, on the copy ${infixMs.toFixed(1)} ms with a wildcard first and ${prefixMs.toFixed(1)} ms with fixed text first`
  return { ...prepared, candidates: usable.filter(candidate => !candidate.needsPrefix), unserved: wildcardFirst(times) }
}

/** The candidates for one key of a document at most: that which was seen, else the only one that finds as many rows as live calls return. */
async function withOneKey(
  examined: ExaminedStatement,
  candidates: readonly Candidate[],
  rowsOfKey: (key: string) => Promise<readonly number[]>,
): Promise<{ readonly usable: readonly Candidate[]; readonly documentKey?: string }> {
  const keys = [...new Set(candidates.flatMap(candidate => candidate.documentKey ?? []))]
  if (keys.length === 0) return { usable: candidates }
  if (examined.binds !== undefined) return { usable: withSeenKey(examined, candidates) }
  const rowsByKey = new Map<string, readonly number[]>()
  for (const key of keys) rowsByKey.set(key, await rowsOfKey(key))
  // One row with a count in it says nothing of a key, and then nothing is guessed.
  const prose = new Set(
    examined.parsed.functions.some(name => AGGREGATES.has(name))
      ? []
      : candidates.flatMap(candidate => (candidate.isProse === true ? [candidate.documentKey ?? ''] : [])),
  )
  const found = keyByRows(rowsByKey, examined.rowsPerCall, prose)
  const usable = candidates.filter(candidate => candidate.documentKey === undefined || candidate.documentKey === found)
  return { usable, documentKey: found ?? keys[0]! }
}

const AGGREGATES: ReadonlySet<string> = new Set(['count', 'sum', 'avg', 'min', 'max'])

const UNKNOWN_KEY: Why = {
  why: 'which key it asks its documents for cannot be told by the rows that it returns',
  rewrite: `advise with its parameters, and an index on the expression will be tried; or write document @> '{"key": value}', which an index USING gin (document jsonb_path_ops) serves`,
}

/** An index of plain text serves a pattern with fixed text first only, and this one does not seem to have it. */
function wildcardFirst(times: string): Why {
  return {
    why: `its pattern seems to begin with a wildcard (${times}): no btree index serves that`,
    rewrite:
      'let the pattern begin with fixed text, or CREATE EXTENSION pg_trgm and advise again: an index of trigrams will then be tried; where it does begin with fixed text, advise with its parameters',
  }
}

/** The sets of a statement that ran with an option, as pairs for the judge. Weighted by how many rows the live calls returned, and by the time that they took. */
export function pairsOf({ subject, before, examined, liveMs }: PreparedStatement, after: Runs): TrialPair[] {
  const likely = likelyOf(subject.sets.slice(0, after.rows.length), new Set(after.rows).size > 1)
  const setMs = before.ms.slice(0, after.rows.length)
  const times = liveMs === undefined || setMs.length < after.rows.length ? undefined : { setMs, liveMs }
  const weights = weighSets(after.rows, examined.rowsPerCall, likely, times)
  return after.ms.map((afterMs, at) => {
    const [was, is] = [before.plans[at], after.plans[at]]
    const pagesRatio = was === undefined || is === undefined ? undefined : pagesRead(is.Plan) / Math.max(1, pagesRead(was.Plan))
    const pair = { kind: subject.sets[at]!.kind, beforeMs: before.ms[at], afterMs, weight: weights[at]! }
    return pagesRatio === undefined ? pair : { ...pair, pagesRatio }
  })
}

/** The frequent set counts with its share of the rows; `isTold` when the rows that calls return tell which sets they ran with. */
export function likelyOf(sets: readonly ParameterSet[], isTold: boolean): number[] {
  const others = sets.reduce((sum, { kind }) => sum + LIKELY[kind], 0)
  return sets.map(({ kind, share = 0, callCount }) => {
    if (callCount !== undefined) return callCount
    const counted = Math.min(share > MOST_UNTOLD_SHARE && !isTold ? MOST_UNTOLD_SHARE : MOST_FREQUENT_SHARE, share)
    return kind === 'frequent' ? (others * counted) / (1 - counted) : LIKELY[kind]
  })
}

/** As `pairsOf`, with what calls usually take in the place of the least that they take: what is said to people. */
export function usualPairsOf(prepared: PreparedStatement, after: Runs): TrialPair[] {
  return pairsOf({ ...prepared, before: { ...prepared.before, ms: prepared.before.usualMs } }, { ...after, ms: after.usualMs })
}

/** What is claimed of a statement. Of parameters that were drawn, those that nothing tells apart are levelled. */
export function claimOf(prepared: PreparedStatement, after: Runs): { readonly means: TrialMeans; readonly range: PredictedRange } {
  const areSeen = prepared.examined.binds !== undefined
  const pairs = usualPairsOf(prepared, after)
  const means = meansOf(areSeen ? pairs : levelUntold(pairs, after.rows))
  return { means: asLive(means, prepared.liveMs ?? means.beforeMs), range: claimRange(pairs, areSeen, means) }
}

/** Whether the application's patterns begin with fixed text: to compare `abc%` with a row costs a fraction of what `%abc%` costs, so the time of the live calls tells,
 *  where the two differ enough on this table. In doubt they do not: an index that serves nothing is worse than none. */
export function isPrefixByTime(liveMs: number, prefixMs: number, infixMs: number): boolean {
  if (prefixMs <= 0 || infixMs < prefixMs * TELLING_FACTOR || liveMs < prefixMs * STOPS_EARLY) return false
  return Math.log(liveMs / prefixMs) < Math.log(infixMs / prefixMs) * NEAR_PREFIX
}

/** From here on a statement's time is that of the rows it reads, and tells how fast live calls are, ms. */
const TELLING_MS = 1

/** A machine is not more than so many times slower or faster than on the copy; where the copy says otherwise, the parameters drawn are not those of the live calls. */
const MOST_PACE = 4

/** What statements take live, as a multiple of what they take on the copy: the median over those on one of `tables` that take long enough to tell. 1 without any. */
export function liveRatioOf(prepared: readonly PreparedStatement[], tables: ReadonlySet<number>): number {
  const ratios = prepared
    .filter(({ subject, before, candidates }) => {
      const isAsWritten = subject.sets.every(set => set.kind === 'observed') || !candidates.some(candidate => candidate.needsPrefix)
      return isAsWritten && [...subject.tables].some(oid => tables.has(oid)) && least(before) >= TELLING_MS
    })
    .flatMap(({ examined, before }) => (examined.window.minMs === undefined ? [] : [examined.window.minMs / least(before)]))
    .filter(ratio => ratio <= MOST_PACE && ratio >= 1 / MOST_PACE)
    .sort((a, b) => a - b)
  return ratios[(ratios.length - 1) >> 1] ?? 1
}

/** Means that live calls take, as a multiple of what they take on the copy: the median of those that take long enough to tell. 1 without any. With `best` of the best runs on
 *  the copy instead of the usual ones. */
export function paceOf(prepared: readonly Pick<PreparedStatement, 'examined' | 'before'>[], runs: 'usual' | 'best' = 'usual'): number {
  const ratios = prepared
    .filter(({ before }) => least(before) >= TELLING_MS)
    .map(({ examined, before }) => examined.window.meanMs / meanOf(runs === 'best' ? before.ms : before.usualMs))
    .sort((a, b) => a - b)
  return ratios[(ratios.length - 1) >> 1] ?? 1
}

/** Calls that the times on the copy count as, beside those that were seen: one or two live calls may have met cold caches, and a mean of ten has not. */
const COPY_CALLS = 2

/** What a live call may be taken to need, ms: the mean of those that were seen and of what the copy says at the live `pace`. */
export function likelyMs({ examined: { window }, before }: Pick<PreparedStatement, 'examined' | 'before'>, pace: number): number {
  return (window.calls * window.meanMs + COPY_CALLS * pace * meanOf(before.usualMs)) / (window.calls + COPY_CALLS)
}

/** Time of one call without candidates, all sets alike, ms. */
export function meanBefore({ before }: PreparedStatement): number {
  return meanOf(before.ms)
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function least(...runs: readonly (Runs | undefined)[]): number {
  return Math.min(...runs.flatMap(each => each?.ms ?? []))
}

function boundSets(binds: readonly SeenBinds[], { params, lists }: LabStatement): ParameterSet[] {
  // Whoever hands parameters over may have one value of a list only.
  const asList = (value: unknown, param: number): unknown => (lists.has(param) && !Array.isArray(value) ? [value] : value)
  return binds.map(({ values, callCount }) => ({ kind: 'observed', values: params.map(param => asList(values[param - 1], param)), callCount }))
}
