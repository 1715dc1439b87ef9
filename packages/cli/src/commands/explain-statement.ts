import type { Duration } from 'holdfast/core'
import { type AnalyzeRequest, analyzeStatement } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openAnalyzer } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { analysisPage } from '../render/analysis.ts'

interface ExplainOptions {
  readonly sql: string
  readonly params?: string
  readonly analyze?: boolean
  readonly try?: boolean
  readonly timeout: string
}

/** `holdfast explain --sql`: the plan of one statement, and what would help. */
export async function explainStatement(options: ExplainOptions, context: CommandContext): Promise<number> {
  const request: AnalyzeRequest = {
    sql: options.sql,
    ...(options.params === undefined ? {} : { params: readParams(options.params) }),
    analyze: options.analyze === true,
    tryIndex: options.try === true,
    statementTimeout: options.timeout as Duration,
  }
  const analysis = await analyzeStatement(await openAnalyzer(context), request)
  const { terminal } = context
  if (context.json) terminal.json({ schema: 'holdfast.plan/1', ...analysis })
  else terminal.data(analysisPage(analysis, terminal).join('\n'))
  return exitCode.ok
}

/** A JSON array. @throws HF_CLI_USAGE, without the text, which holds the caller's data */
function readParams(text: string): unknown[] {
  try {
    const values: unknown = JSON.parse(text)
    if (Array.isArray(values)) return values
  } catch {
    // The usage error below says what is wanted.
  }
  throw cliErrors.create('HF_CLI_USAGE', '--params must be a JSON array with one value for each of $1, $2, ...')
}
