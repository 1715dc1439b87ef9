import { ownSchemaSql } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'

/** Options of `holdfast db schema`. */
export interface DbSchemaOptions {
  /** Who is given the rights to use it. Absent: nobody. */
  readonly role?: string
}

/** `holdfast db schema`: what Holdfast keeps in a database, as SQL for a role that may create it. Connects to nothing. */
export async function dbSchema({ role }: DbSchemaOptions, { terminal, json }: CommandContext): Promise<number> {
  const sql = ownSchemaSql(role)
  if (json) terminal.json({ schema: 'holdfast.db-schema/1', sql })
  else terminal.data(sql)
  return exitCode.ok
}
