import { type AdvisorClient, readRows } from '../advisor/client.ts'
import type { Reach } from './relations.ts'
import { UNPROVEN_CALLS, type UnprovenCallRow } from './sql/unproven-calls.sql.ts'
import type { GivenStatement } from './statement.ts'

/** Why the statement is not proven to be read-only; `undefined` when it is. A READ ONLY transaction stops writes to tables alone: a volatile function may
 *  end sessions, take advisory locks or write files in one, so what is called is looked up, also behind views and row-level security. Not looked
 *  into: bodies of functions that their owner marked stable or immutable, and checks of domains. 1 round trip. */
export async function unprovenBecause(client: AdvisorClient, statement: GivenStatement, reach: Reach): Promise<string | undefined> {
  if (statement.writes !== undefined) return statement.writes
  const [foreign] = reach.foreign
  if (foreign !== undefined) return `it reads the foreign table ${foreign}, which runs outside of this server`
  if (reach.unreadable !== undefined) return `the definition of ${reach.unreadable} cannot be read, so what it calls is not known`
  const all = (pick: 'functions' | 'operators' | 'attributes'): string[] => [...new Set(reach.names.flatMap(names => names[pick]))]
  const [suspect] = await readRows<UnprovenCallRow>(client, UNPROVEN_CALLS, [all('functions'), all('operators'), all('attributes')])
  return suspect === undefined ? undefined : `it calls ${suspect.what}, which may do more than read`
}
