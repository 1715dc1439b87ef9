import { delay, parseDurationMs, systemClock } from 'holdfast/core'
import type { AdviceReport, Advisor, Refusal, RuleUnknown } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openAdvisor } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { findingLine } from '../render/finding.ts'
import { formatMs } from '../render/measure.ts'

interface AdviseOptions {
  readonly window?: string
  readonly failOn: string
  readonly rule?: string
}

/** `holdfast advise`: the findings of the workload, worst first. */
export async function advise(options: AdviseOptions, context: CommandContext): Promise<number> {
  if (options.failOn !== 'never' && options.failOn !== 'open') {
    throw cliErrors.create('HF_CLI_USAGE', `--fail-on ${options.failOn}: must be never or open`)
  }
  const windowMs = options.window === undefined ? undefined : parseDurationMs(options.window)
  const { terminal } = context
  const advisor = await openAdvisor(context)
  const report = await watch(advisor, windowMs, options.rule, context)
  if (context.json) terminal.json({ schema: 'holdfast.advice/1', ...report })
  else {
    for (const line of findingLines(report, terminal)) terminal.data(line)
    for (const line of report.refused.flatMap(refusalLines)) terminal.say(terminal.paint('dim', line))
    for (const unknown of report.unknown) terminal.say(terminal.paint('dim', unknownLine(unknown)))
    for (const note of report.notes) terminal.say(terminal.paint('dim', `  note: ${note}`))
    if (report.findings.length === 0) terminal.say(`✓ nothing to do: ${report.examinedCount} statements examined`)
    else terminal.say(`next: holdfast explain ${report.findings[0]!.id}`)
  }
  const open = report.findings.some(finding => finding.state === 'open')
  return options.failOn === 'open' && open ? exitCode.objectiveBroken : exitCode.ok
}

/** The set of indexes first, which is one piece of advice, then what each other rule says for itself. */
function findingLines({ findings, indexSet, served, examinedCount }: AdviceReport, terminal: CommandContext['terminal']): string[] {
  const inSet = findings.filter(({ id }) => indexSet.includes(id))
  const others = findings.filter(({ id }) => !indexSet.includes(id))
  const lines: string[] = []
  if (inSet.length > 0) {
    const saved = inSet.reduce((sum, finding) => sum + finding.savesMsPerSec, 0)
    const indexes = inSet.length === 1 ? '1 index serves' : `${inSet.length} indexes, chosen and timed together, serve`
    lines.push(
      terminal.paint(
        'bold',
        `index set: ${indexes} ${served.length} of ${examinedCount} statements examined and would save ${formatMs(saved)} a second`,
      ),
    )
    for (const finding of inSet) lines.push(findingLine(finding, terminal))
  }
  if (others.length > 0) {
    if (inSet.length > 0) lines.push(terminal.paint('bold', `other rules: ${others.length}, each by itself and no part of the index set`))
    for (const finding of others) lines.push(`${findingLine(finding, terminal)} · ${finding.rule}`)
  }
  return lines
}

function refusalLines({ statement, why, rewrite }: Refusal): string[] {
  const line = `  not offered: ${statement.slice(0, 80)}: ${why}`
  return rewrite === undefined ? [line] : [line, `    rewrite: ${rewrite}`]
}

function unknownLine({ rule, why, grant }: RuleUnknown): string {
  return `  unknown: ${rule}: ${why}${grant === undefined ? '' : `: ${grant}`}`
}

async function watch(advisor: Advisor, windowMs: number | undefined, rules: string | undefined, context: CommandContext): Promise<AdviceReport> {
  const filter = { signal: context.signal, ...(rules === undefined ? {} : { rules }) }
  if (windowMs === undefined) return advisor.advise(filter)
  const since = await advisor.mark()
  context.terminal.say(`watching the traffic for ${windowMs / 1000} s …`)
  await delay(systemClock, windowMs, context.signal)
  return advisor.advise({ ...filter, since })
}
