import { cliErrors } from './errors.ts'

/** A port number 0..65535. @throws HF_CLI_USAGE */
export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw cliErrors.create('HF_CLI_USAGE', `--port ${JSON.stringify(text)}: must be a whole number from 0 to 65535`)
}
