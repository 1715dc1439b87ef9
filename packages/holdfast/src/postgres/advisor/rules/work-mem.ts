import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import { bytesText, countText, msText, shareText } from '../figure-text.ts'
import { manualChange, type Rule, type RuleFinding, statementEvidence } from './rule.ts'

/** What a call must spill for the spill to be felt: a megabyte is written and read again in about a millisecond. */
export const LEAST_SPILL_BYTES: number = 1024 ** 2

/** The spill of a call is about the data; sorted or hashed in memory it takes about twice the room.
 *  @source PostgreSQL 18, "Resource Consumption", work_mem; tuplesort.c keeps 16 bytes and padding beside each row */
const MEMORY_TIMES_SPILL = 2

/** More is not advised for one operation of one session. */
const MOST_ADVISED_BYTES = 1024 ** 3

/** Rule `pg/work-mem`: a statement writes temporary files in every call, because a sort or hash does not fit into work_mem. */
export const workMem: Rule = {
  name: 'pg/work-mem',
  judge: facts => ({
    findings: facts.statements.filter(statement => spillOf(statement, facts) >= LEAST_SPILL_BYTES).map(statement => findingFor(statement, facts)),
    unknown: [],
  }),
}

function spillOf({ blocks }: RuleStatement, { server }: RuleFacts): number {
  return (blocks?.tempBlocksPerCall ?? 0) * server.blockBytes
}

function findingFor(statement: RuleStatement, facts: RuleFacts): RuleFinding {
  const { server, windowMs } = facts
  const spill = spillOf(statement, facts)
  const advised = 2 ** Math.ceil(Math.log2(server.workMemBytes + MEMORY_TIMES_SPILL * spill))
  const isTooMuch = advised > MOST_ADVISED_BYTES
  const megabytes = Math.round(advised / 1024 ** 2)
  return {
    subject: statement.window.queryId,
    title: `a statement spills ${bytesText(spill)} to disk in each call`,
    severity: statement.shareOfTime >= 0.1 ? 'warning' : 'info',
    evidence: statementEvidence(statement, windowMs, [
      { name: 'Temporary files a call, mean', value: `${bytesText(spill)}, n ${countText(statement.blocks?.calls ?? 0)} calls` },
      { name: 'work_mem', value: bytesText(server.workMemBytes) },
      {
        name: 'Temporary files of the database',
        value: `${countText(server.tempFileCount)}, ${bytesText(server.tempBytes)} since the counters were reset`,
      },
      { name: 'Mean, share of statement time', value: `${msText(statement.window.meanMs)}, ${shareText(statement.shareOfTime)}` },
    ]),
    recommendation: manualChange({
      sql: isTooMuch ? [] : [`SET LOCAL work_mem = '${megabytes}MB'`],
      summary: isTooMuch
        ? `${bytesText(spill)} is more than memory should take: read fewer rows, or sort by an index`
        : `give this statement ${megabytes} MB inside its transaction; not the whole server, where every operation of every session may take that much`,
      costNote: isTooMuch ? 'a change of the statement' : `up to ${megabytes} MB for each sort or hash of each call that runs at once`,
      lockNote: 'none',
      risk: isTooMuch ? 'low' : 'medium',
      confidence: 'medium',
      why: 'SET LOCAL belongs into the transaction of the program that runs the statement',
    }),
    change: { kind: 'manual' },
  }
}
