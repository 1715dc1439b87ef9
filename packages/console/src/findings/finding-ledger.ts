import { type Clock, createLifecycle, type Finding, type Health, type Lifecycle, type Logger } from 'holdfast/core'
import type { ConsoleEvent } from '../api/contract.ts'
import { createTicker } from '../collect/ticker.ts'
import { withinLimit } from '../collect/within-limit.ts'
import type { AdvisorPort } from './advisor-port.ts'
import { rankFindings } from './finding-summary.ts'

/** Time between two readings of the advisor's ledger. */
const POLL_EVERY_MS = 2000
/** How long one reading may take before the last known findings stand. */
const POLL_LIMIT_MS = 1500

/** The findings as last read, and what changed. While the database is away the last known ones stay, and health says so. */
export interface FindingLedger extends Lifecycle {
  /** By the time they save, most first. */
  findings(): readonly Finding[]
  health(): Health
  /** Reads now; used after an action. Never rejects. */
  refresh(): Promise<void>
}

/** What the ledger works with. */
export interface FindingLedgerDeps {
  readonly advisor: AdvisorPort | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly publishEvent: (event: ConsoleEvent) => void
}

/** A ledger that has read nothing yet. */
export function createFindingLedger({ advisor, clock, logger, publishEvent }: FindingLedgerDeps): FindingLedger {
  let known: ReadonlyMap<string, Finding> | undefined
  let failure: { readonly why: string; readonly sinceMs: number } | undefined
  let pending: Promise<readonly Finding[]> | undefined

  const read = async (stop: AbortSignal): Promise<void> => {
    if (advisor === undefined) return
    try {
      const start = (): Promise<readonly Finding[]> => {
        // A reading that hangs is not joined by a second one.
        pending ??= advisor.findings().finally(() => {
          pending = undefined
        })
        return pending
      }
      const findings = await withinLimit(start, { clock, limitMs: POLL_LIMIT_MS, stop })
      const read = new Map(findings.map(finding => [finding.id, finding]))
      for (const event of known === undefined ? [] : changes(known, read, clock.nowMs())) publishEvent(event)
      known = read
      failure = undefined
    } catch (error) {
      if (stop.aborted) return
      const why = error instanceof Error ? error.message : String(error)
      if (failure === undefined) logger.warn({ err: error }, 'findings cannot be read')
      failure = { why, sinceMs: failure?.sinceMs ?? clock.nowMs() }
    }
  }

  const lifecycle =
    advisor === undefined
      ? createLifecycle({ name: 'console findings', clock })
      : createTicker({ name: 'console findings', clock, everyMs: POLL_EVERY_MS, work: read })
  return {
    ...lifecycle,
    refresh: () => read(new AbortController().signal),
    findings: () => rankFindings([...(known?.values() ?? [])]),
    health: () => {
      if (failure === undefined) return { status: 'ok', reasons: [] }
      const why = `findings cannot be read, the last known are shown: ${failure.why}`
      return { status: 'degraded', reasons: [{ component: 'console', why, sinceMs: failure.sinceMs }] }
    },
  }
}

/** Events for what changed between two readings. */
export function changes(before: ReadonlyMap<string, Finding>, after: ReadonlyMap<string, Finding>, atMs: number): ConsoleEvent[] {
  const events: ConsoleEvent[] = []
  for (const finding of after.values()) {
    const event = changeOf(before.get(finding.id), finding)
    if (event !== undefined) events.push({ atMs, ...event })
  }
  return events
}

function changeOf(before: Finding | undefined, after: Finding): Omit<ConsoleEvent, 'atMs'> | undefined {
  const { id, state, title, verification } = after
  if (before === undefined) return { kind: 'finding', text: `${id} found: ${title}` }
  if (verification !== undefined && verification.atMs !== before.verification?.atMs) {
    return { kind: 'verify', text: `${id} ${verification.verdict}: ${verification.why}` }
  }
  if (before.state === state) return undefined
  if (state === 'applied') return { kind: 'apply', text: `${id} applied: ${after.recommendation.summary}` }
  if (state === 'open' && before.state !== 'snoozed' && before.state !== 'gone')
    return { kind: 'revert', text: `${id} is open again: ${after.history.at(-1)?.note ?? title}` }
  return { kind: 'finding', text: `${id} is ${state}: ${after.history.at(-1)?.note ?? title}` }
}
