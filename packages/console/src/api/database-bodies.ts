import type { AnalyzeRequest } from 'holdfast/postgres'
import { consoleErrors } from '../errors.ts'
import type { ArchiveRequest } from './database-contract.ts'

/** The statement in a request's body. Its parameters are texts, numbers, booleans or null, as JSON has them.
 *  @throws HF_CONSOLE_BODY */
export function parseAnalyze(body: unknown): AnalyzeRequest {
  const { sql, params, analyze = false, tryIndex = false } = Object(body) as Record<string, unknown>
  if (typeof sql !== 'string' || sql.trim() === '') throw consoleErrors.create('HF_CONSOLE_BODY', 'sql must be the text of one statement')
  if (typeof analyze !== 'boolean' || typeof tryIndex !== 'boolean')
    throw consoleErrors.create('HF_CONSOLE_BODY', 'analyze and tryIndex must be true or false')
  if (params === undefined) return { sql, analyze, tryIndex }
  if (!Array.isArray(params) || params.some(value => typeof value === 'object' && value !== null)) {
    throw consoleErrors.create('HF_CONSOLE_BODY', 'params must be a list of texts, numbers, booleans and null')
  }
  return { sql, params, analyze, tryIndex }
}

/** The run of an archive policy in a request's body.
 *  @throws HF_CONSOLE_BODY */
export function parseArchive(body: unknown): ArchiveRequest {
  const { policy, dryRun = false, confirmation } = Object(body) as Record<string, unknown>
  if (typeof policy !== 'string' || policy === '')
    throw consoleErrors.create('HF_CONSOLE_BODY', 'policy must be the name of an archive policy of this console')
  if (typeof dryRun !== 'boolean') throw consoleErrors.create('HF_CONSOLE_BODY', 'dryRun must be true or false')
  return { policy, dryRun, ...(typeof confirmation === 'string' ? { confirmation } : {}) }
}
