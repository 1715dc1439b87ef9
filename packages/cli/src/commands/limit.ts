import { cliErrors } from '../errors.ts'

const MOST = 1000

/** The value of `--limit`. @throws HF_CLI_USAGE */
export function parseLimit(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count
  throw cliErrors.create('HF_CLI_USAGE', `--limit: ${text} is not from 1 to ${MOST}`)
}
