import { type Clock, createLifecycle, type Finding, type Health, isHoldfastError, type Lifecycle, type Logger } from 'holdfast/core'
import type { ConsoleEvent } from '../api/contract.ts'
import { createTicker } from '../collect/ticker.ts'
import { withinLimit } from '../collect/within-limit.ts'
import { consoleErrors } from '../errors.ts'
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
  /** One finding, read now; as last read when the database does not answer in time.
   *  @throws what the advisor throws when nothing was read before, and when it knows no such finding. */
  finding(id: string): Promise<Finding>
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

  const onProblem = (problem: unknown): void => logger.error({ err: problem }, 'the findings could not be compared')
  const name = 'console findings'
  const lifecycle =
    advisor === undefined ? createLifecycle({ name, clock }) : createTicker({ name, clock, everyMs: POLL_EVERY_MS, work: read, onProblem })
  return {
    ...lifecycle,
    refresh: () => read(new AbortController().signal),
    async finding(id) {
      if (advisor === undefined) throw consoleErrors.create('HF_CONSOLE_NO_ADVISOR', 'there are no findings here')
      try {
        return await withinLimit(() => advisor.finding(id), { clock, limitMs: POLL_LIMIT_MS, stop: new AbortController().signal })
      } catch (error) {
        const last = known?.get(id)
        if (last === undefined || (isHoldfastError(error) && error.code === 'HF_PG_FINDING_UNKNOWN')) throw error
        return last
      }
    },
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

const WITH_CHANGE_MADE: ReadonlySet<Finding['state']> = new Set(['applied', 'verified', 'regressed'])

function changeOf(before: Finding | undefined, after: Finding): Omit<ConsoleEvent, 'atMs'> | undefined {
  const { id, state, title, verification } = after
  if (before === undefined) return { kind: 'finding', text: `${id} found: ${title}` }
  if (verification !== undefined && verification.atMs !== before.verification?.atMs) {
    return { kind: 'verify', text: `${id} ${verification.verdict}: ${verification.why}` }
  }
  if (before.state === state) return undefined
  if (state === 'applied') return { kind: 'apply', text: `${id} applied: ${after.recommendation.summary}` }
  const note = after.history.at(-1)?.note ?? title
  // A reverted finding is open again, or gone when nothing asks for it any more.
  if (WITH_CHANGE_MADE.has(before.state) && (state === 'open' || state === 'gone')) return { kind: 'revert', text: `${id} reverted: ${note}` }
  return { kind: 'finding', text: `${id} is ${state}: ${note}` }
}
