import { delay, type Finding, systemClock } from 'holdfast/core'
import type { Advisor, WorkloadMark } from 'holdfast/postgres'
import { cliErrors } from '../errors.ts'
import { findingPage, verdictLine } from '../render/finding.ts'
import { formatCount, formatMs, formatPercent } from '../render/measure.ts'
import { decide } from './decision.ts'
import type { Narrator } from './narrator.ts'
import type { DemoOptions, Stage } from './stage.ts'

/** Without a terminal the finding is applied after this time, so that a watcher of the page sees it first. */
const DECISION_DELAY_MS = 3000
/** Calls of the finding's statement that verification asks for on each side; the usual two hundred would make the demo too long. */
export const VERIFY_CALLS = 80

/** The worst finding of the traffic since the mark, or the planted one. @throws HF_CLI_NO_FINDING */
export async function diagnose(stage: Stage, since: WorkloadMark, options: DemoOptions, narrator: Narrator): Promise<Finding> {
  const { terminal } = options
  const { advisor, console } = stage
  if (options.plant === 'useless') {
    const planted = await advisor.plant({ table: 'lead', columns: ['quality_score', 'zip_code', 'source'], since })
    narrator.say(`${terminal.paint('yellow', '●')} PLANTED ${terminal.paint('bold', planted.id)}  ${planted.title}: the workload does not need it`)
    return planted
  }
  const report = await advisor.advise({ since, rules: 'pg/missing-index' })
  const [finding] = report.findings
  if (finding === undefined) {
    const reasons = [...report.refused.map(({ why }) => why), ...report.notes]
    const found = [`none of ${report.examinedCount} statements led to advice`, ...new Set(reasons)].join('; ')
    narrator.incident(found)
    throw cliErrors.create('HF_CLI_NO_FINDING', found)
  }
  const { evidence } = finding
  narrator.say(
    `${terminal.paint('yellow', '●')} FINDING ${terminal.paint('bold', finding.id)}  ${finding.title} · ${formatPercent(evidence.shareOfTime)} of statement time, ${formatMs(evidence.before.meanMs)} × ${formatCount(evidence.before.sampleCount)} calls`,
  )
  if (evidence.trial !== undefined)
    narrator.add(`tried on a copy: ${formatMs(evidence.trial.before.meanMs)} → ${formatMs(evidence.trial.after.meanMs)} (${evidence.trial.note})`)
  narrator.add(`${console.url.replace(/\?.*$/, '')}findings/${finding.id}`)
  return finding
}

/** Asks, then applies. Undefined when it was left alone. */
export async function decideAndApply(finding: Finding, stage: Stage, options: DemoOptions, narrator: Narrator): Promise<Finding | undefined> {
  const { terminal, signal } = options
  if (!options.apply) {
    narrator.say('not applied (--no-apply)')
    return undefined
  }
  narrator.add(terminal.interactive ? 'press [a] to apply, [e] evidence, [q] quit' : `applies in ${DECISION_DELAY_MS / 1000} s (--no-apply stops it)`)
  const elsewhere = watchForApply(stage.advisor, finding.id, signal)
  const decision = await decide(
    terminal,
    DECISION_DELAY_MS,
    () => narrator.add(findingPage(finding, terminal).join('\n        ')),
    elsewhere.applied,
    signal,
  )
  elsewhere.stop()
  if (decision === 'quit') throw cliErrors.create('HF_CLI_INTERRUPTED', 'quit before the finding was applied')
  const current = await stage.advisor.finding(finding.id)
  if (current.state === 'applied') {
    narrator.say('✓ applied from the page')
    return current
  }
  const startedAtMs = narrator.elapsedMs
  const applied = await stage.advisor.apply(finding.id)
  const seconds = ((narrator.elapsedMs - startedAtMs) / 1000).toFixed(2)
  narrator.say(`✓ ${applied.recommendation.sql.join('; ')}  ${seconds} s`)
  return applied
}

const APPLY_POLL_MS = 500

/** Resolves when somebody applied the finding through the page. */
function watchForApply(advisor: Advisor, id: string, signal: AbortSignal): { applied: Promise<void>; stop(): void } {
  const stopped = new AbortController()
  const until = AbortSignal.any([signal, stopped.signal])
  const applied = new Promise<void>(resolve => {
    const poll = async (): Promise<void> => {
      while (!until.aborted) {
        await delay(systemClock, APPLY_POLL_MS, until).catch(() => undefined)
        const state = until.aborted ? undefined : (await advisor.finding(id).catch(() => undefined))?.state
        if (state === 'applied') return resolve()
      }
    }
    void poll()
  })
  return { applied, stop: () => stopped.abort() }
}

/** Measures before against after and says the verdict. */
export async function verify(finding: Finding, stage: Stage, options: DemoOptions, narrator: Narrator): Promise<Finding> {
  const verified = await stage.advisor.verify(finding.id, { minCalls: VERIFY_CALLS })
  const { verification } = verified
  if (verification === undefined) return verified
  narrator.say(verdictLine(verification, options.terminal))
  if (verification.revertOffered)
    narrator.add(`revert is offered: ${verified.recommendation.revertSql.join('; ')}   (holdfast revert ${finding.id}, or the button on its page)`)
  return verified
}
