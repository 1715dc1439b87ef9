import type { CdnDesk, CdnStatus, DeadSelection } from 'holdfast/cdn'
import type { Clock, Logger } from 'holdfast/core'
import type { CdnAnalyticsAnswer, CdnChangeAnswer, CdnDeadAnswer, CdnMetricsAnswer, CdnPeriodName } from '../api/cdn-contract.ts'
import type { ConsoleEvent } from '../api/contract.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { hasRole, type Role } from '../auth/console-auth.ts'
import { consoleErrors } from '../errors.ts'
import { oneAtATime } from '../one-at-a-time.ts'

/** Which purges that were given up a change is about. */
export type DeadPurgeTarget = { readonly id: string } | { readonly cdn: string } | { readonly all: true }

/** Who changes something, and the text typed to confirm it. */
export interface CdnChange {
  readonly role: Role
  readonly confirmation?: unknown
}

/** Looks at purges for CDNs and takes care of those that were given up. Every method but `actions` and `names` rejects with HF_CONSOLE_NO_CDN when the console was given none, and those that
 *  read the queue with HF_HTTP_CDN_QUEUE_AWAY when it cannot be had. */
export interface CdnControl {
  /** What a caller with this role may do. */
  actions(role: Role): CdnMetricsAnswer['actions']
  /** Of the CDNs that the console was given. */
  readonly names: readonly string[]
  status(): Promise<readonly CdnStatus[]>
  /** Asks each CDN, at most once a minute for each period. */
  analytics(period: CdnPeriodName): Promise<CdnAnalyticsAnswer>
  dead(options: { readonly limit: number; readonly provider?: string }): Promise<CdnDeadAnswer>
  /** Leaves a line in the log, in the audit log and in the events. Of many it wants the CDN's name, or `all`, as confirmation outside development. @throws HF_CONSOLE_CONFIRMATION, HF_CONSOLE_BUSY */
  change(action: CdnChangeAnswer['action'], target: DeadPurgeTarget, given: CdnChange): Promise<CdnChangeAnswer>
}

/** What it works with. */
export interface CdnControlDeps {
  readonly desk: CdnDesk | undefined
  readonly needsConfirmation: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly audited: AuditTrail
  readonly publishEvent: (event: ConsoleEvent) => void
  /** The queue is not what it was. */
  readonly onChanged: () => void
}

const HOUR_MS = 3_600_000
const PERIODS_MS: Readonly<Record<CdnPeriodName, number>> = { '1h': HOUR_MS, '24h': 24 * HOUR_MS, '7d': 168 * HOUR_MS }
/** CDNs are as late themselves; Cloudflare takes 300 questions in 5 minutes, AWS bills each. */
const ANALYTICS_FRESH_MS = 60_000

/** A control over the desk, if there is one. */
export function createCdnControl({ desk, needsConfirmation, clock, logger, audited, publishEvent, onChanged }: CdnControlDeps): CdnControl {
  const asked = new Map<CdnPeriodName, { readonly untilMs: number; readonly answer: Promise<CdnAnalyticsAnswer> }>()
  const changing = oneAtATime()
  const known = (): CdnDesk => {
    if (desk === undefined) throw consoleErrors.create('HF_CONSOLE_NO_CDN', 'this console was given no CDN')
    return desk
  }
  const ask = async (from: CdnDesk, period: CdnPeriodName): Promise<CdnAnalyticsAnswer> => {
    const toMs = clock.nowMs()
    const fromMs = toMs - PERIODS_MS[period]
    return { schema: 'holdfast.cdn-analytics/1', period, fromMs, toMs, ...(await from.analytics({ fromMs, toMs })) }
  }

  return {
    actions(role) {
      if (desk === undefined) return []
      return hasRole(role, 'operate') ? ['look', 'change'] : ['look']
    },
    names: desk?.providers.map(({ name }) => name) ?? [],
    status: async () => known().status(),
    async analytics(period) {
      const from = known()
      const nowMs = clock.monotonicMs()
      const last = asked.get(period)
      if (last !== undefined && nowMs < last.untilMs) return last.answer
      const answer = ask(from, period)
      asked.set(period, { untilMs: nowMs + ANALYTICS_FRESH_MS, answer })
      return answer
    },
    dead: async options => ({ schema: 'holdfast.cdn-dead/1', dead: await known().dead(options) }),
    async change(action, target, { role, confirmation }) {
      const from = known()
      const text = 'id' in target ? undefined : 'cdn' in target ? target.cdn : 'all'
      if (needsConfirmation && text !== undefined && confirmation !== text)
        throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to do it, confirm with the text ${text}`, { hint: 'send that text as `confirmation`' })
      return changing(`another ${action} of purges`, async () => {
        logger.info({ audit: `cdn.${action}`, role, ...target }, `the console asked for ${action} of purges that were given up`)
        const which = selectionOf(target)
        const verb = action === 'retry' ? 'sent again' : 'forgotten'
        const whose = 'cdn' in target ? ` for ${target.cdn}` : ''
        const what = (count: number): string => `${count} purge${count === 1 ? '' : 's'}${whose} ${verb}`
        const entry = { what: `cdn.${action}`, subject: 'id' in target ? target.id : (text ?? 'all'), role }
        const count = await audited(entry, what, () => (action === 'retry' ? from.replay(which) : from.discard(which))).finally(onChanged)
        publishEvent({ atMs: clock.nowMs(), kind: 'invalidate', text: what(count) })
        return { schema: 'holdfast.cdn-change/1', action, count }
      })
    },
  }
}

function selectionOf(target: DeadPurgeTarget): DeadSelection {
  if ('id' in target) return { ids: [target.id] }
  return 'cdn' in target ? { provider: target.cdn } : {}
}
