/** What each ORM does with the leads schema. Results are compared with those of the same ORM over a pool that nobody watches. */
export interface Leads {
  agent(id: number): Promise<unknown>
  newest(count: number): Promise<unknown>
  withAgents(leadId: number): Promise<unknown>
  add(zipCode: string): Promise<unknown>
  /** A transaction of two statements, which rolls back when it `fails`. */
  assign(leadId: number, agentId: number, fails: boolean): Promise<unknown>
  remove(zipCode: string): Promise<unknown>
  count(): Promise<unknown>
  /** All ids of leads, read in portions. */
  stream(): Promise<unknown>
  close(): Promise<void>
}

/** Everything once, as a service would. */
export async function useAll(leads: Leads): Promise<unknown[]> {
  return [
    await leads.agent(7),
    await leads.agent(999),
    await leads.newest(5),
    await leads.withAgents(11),
    await leads.add('99999'),
    await leads.assign(3, 4, false),
    await leads.assign(3, 4, true).catch((error: Error) => error.message),
    await leads.withAgents(3),
    await leads.remove('99999'),
    await leads.remove('nobody'),
    await leads.count(),
    await leads.stream(),
    // An error of the server, as the ORM words it.
    await leads.assign(3, 123_456, false).catch((error: Error & { code?: string }) => [error.name, error.code, error.message]),
  ]
}
