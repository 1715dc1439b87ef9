import { createInterface } from 'node:readline/promises'
import { type Duration, type Finding, parseDurationMs, parseSizeBytes, type Size } from 'holdfast/core'
import type { Advisor, ApplyOptions } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openAdvisor } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { findingPage, verdictLine } from '../render/finding.ts'
import { awaitVerdict } from './await-verdict.ts'

interface FindingOptions {
  readonly id: string
  readonly action: 'explain' | 'apply' | 'verify' | 'revert' | 'snooze'
  /** Of snooze: why. */
  readonly reason?: string
  /** Of snooze: how long. */
  readonly for?: string
  /** Of apply and revert: longest wait for a lock, longest statement. */
  readonly lockTimeout?: string
  readonly timeout?: string
  /** Of apply: largest index. */
  readonly maxIndexSize?: string
  /** Of verify: how long to wait for a verdict. */
  readonly wait?: string
}

/** `holdfast explain|apply|verify|revert|snooze <id>`. */
export async function finding(options: FindingOptions, context: CommandContext): Promise<number> {
  const advisor = await openAdvisor(context)
  const found = await advisor.finding(options.id)
  const after = await act(options, found, advisor, context)
  print(options, after, context)
  return exitCodeAfter(options, after)
}

async function act(
  { id, action, for: duration = '7d', reason, wait = '0s', ...limits }: FindingOptions,
  found: Finding,
  advisor: Advisor,
  context: CommandContext,
): Promise<Finding> {
  switch (action) {
    case 'explain':
      return found
    case 'verify':
      return awaitVerdict(id, parseDurationMs(wait), advisor, context)
    case 'snooze':
      return advisor.snooze(id, asDuration(duration), reason)
    case 'apply':
      // What Holdfast does not change it refuses, and says what to do; there is nothing to confirm.
      if (found.recommendation.manual === undefined) await confirm(id, found.recommendation.sql, context)
      return advisor.apply(id, { ...limitsOf(limits), signal: context.signal })
    case 'revert':
      await confirm(id, found.recommendation.revertSql, context)
      return advisor.revert(id, { ...limitsOf(limits), signal: context.signal })
  }
}

/** What was given of them. @throws HF_CONFIG_DURATION, HF_CONFIG_SIZE */
function limitsOf({ lockTimeout, timeout, maxIndexSize }: Pick<FindingOptions, 'lockTimeout' | 'timeout' | 'maxIndexSize'>): ApplyOptions {
  if (maxIndexSize !== undefined) parseSizeBytes(maxIndexSize)
  return {
    ...(lockTimeout === undefined ? {} : { lockTimeout: asDuration(lockTimeout) }),
    ...(timeout === undefined ? {} : { statementTimeout: asDuration(timeout) }),
    ...(maxIndexSize === undefined ? {} : { maxIndexSize: maxIndexSize as Size }),
  }
}

/** @throws HF_CONFIG_INVALID when it is no duration; the same check as everywhere. */
function asDuration(text: string): Duration {
  parseDurationMs(text)
  return text as Duration
}

/** Shows the statements and waits for the id to be typed. @throws HF_CLI_CONFIRMATION_REQUIRED */
async function confirm(id: string, sql: readonly string[], context: CommandContext): Promise<void> {
  const { terminal } = context
  if (context.yes) return
  for (const statement of sql) terminal.say(`  ${statement};`)
  if (!terminal.interactive) throw cliErrors.create('HF_CLI_CONFIRMATION_REQUIRED', `${id} changes the database and was not confirmed`)
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await prompt.question(`type ${id} to run this: `, { signal: context.signal })
    if (answer.trim() !== id) throw cliErrors.create('HF_CLI_CONFIRMATION_REQUIRED', `${JSON.stringify(answer)} is not ${id}: nothing was changed`)
  } finally {
    prompt.close()
  }
}

function print({ action, id }: FindingOptions, after: Finding, { terminal, json }: CommandContext): void {
  if (json) terminal.json({ schema: 'holdfast.finding/1', finding: after })
  else if (action === 'explain') terminal.data(findingPage(after, terminal).join('\n'))
  else if (action === 'verify' && after.verification !== undefined) terminal.data(verdictLine(after.verification, terminal))
  else terminal.data(`✓ ${id} is ${after.state}`)
  const next = {
    explain: after.recommendation.manual !== undefined ? undefined : after.state === 'open' ? 'apply' : 'verify',
    apply: 'verify',
    verify: after.verification?.revertOffered ? 'revert' : undefined,
    revert: undefined,
    snooze: undefined,
  }[action]
  if (next !== undefined && !json) terminal.say(`next: holdfast ${next} ${id}`)
}

function exitCodeAfter({ action }: FindingOptions, after: Finding): number {
  if (action !== 'verify') return exitCode.ok
  return after.verification?.verdict === 'fixed' ? exitCode.ok : exitCode.objectiveBroken
}
