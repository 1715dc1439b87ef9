import type { LockChain, LockSession } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openFacts } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatSpan } from '../render/measure.ts'

/** `holdfast db locks`. @throws HF_CLI_NO_DATABASE, HF_PG_FACTS_AWAY, HF_PG_FACTS_TIMEOUT */
export async function dbLocks(_: object, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const report = await (await openFacts(context)).locks()
  if (json) terminal.json({ schema: 'holdfast.db-locks/1', ...report })
  else {
    terminal.data(report.chains.length === 0 ? 'nobody waits for a lock' : report.chains.map(chainText).join('\n\n'))
    if (report.chains.length > 0) terminal.say('next: end the session at the head of a chain, or SELECT pg_cancel_backend(<pid>)')
  }
  return exitCode.ok
}

function chainText({ holder, waiters }: LockChain): string {
  return [holderLine(holder), ...waiters.map(waiterLine)].join('\n')
}

function holderLine(holder: LockSession): string {
  const age = holder.transactionMs === null ? '' : `, transaction open for ${formatSpan(holder.transactionMs)}`
  return `${who(holder)} ${holder.state}${age}${statementOf(holder)}`
}

function waiterLine(waiter: LockSession): string {
  const what = waiter.relation === null ? waiter.lockMode : `${waiter.lockMode} on ${waiter.relation}`
  return `${'  '.repeat(waiter.depth)}└ ${who(waiter)} waits ${formatSpan(waiter.waitedMs)} for ${what}${statementOf(waiter)}`
}

function who({ pid, application, role }: LockSession): string {
  const name = application || role
  return pid === 0 ? name : name === '' ? `pid ${pid}` : `pid ${pid} ${name}`
}

function statementOf({ statement }: LockSession): string {
  return statement === null ? '' : `: ${statement}`
}
