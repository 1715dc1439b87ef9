/** One row as it comes from the driver; each statement's file says what is in it. */
export type Row = Readonly<Record<string, unknown>>

/** The part of a connected `pg.Client` (8.x) that the advisor calls. Session settings are changed on it, so it must be the advisor's own. */
export interface AdvisorClient {
  /** The backend that the server named at log-in. */
  readonly processID?: number | null
  query(text: string, values?: unknown[]): Promise<{ rows: Row[]; rowCount: number | null }>
  end(): Promise<void>
}

/** Runs `work` on a fresh connection, which is closed afterwards whatever happens. */
export async function withClient<T>(connect: () => Promise<AdvisorClient>, work: (client: AdvisorClient) => Promise<T>): Promise<T> {
  const client = await connect()
  try {
    return await work(client)
  } finally {
    // The result is in hand; a connection that fails while it is being closed takes nothing from it.
    await client.end().catch(() => undefined)
  }
}

/** Rows of one statement. `T` is the row that the statement's `*.sql.ts` declares. */
export async function readRows<T extends object>(client: AdvisorClient, text: string, values: unknown[] = []): Promise<T[]> {
  const result = await client.query(text, values)
  return result.rows as unknown as T[]
}

/** SQLSTATE of a driver error, or `undefined` when the error is of another kind. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** Where in the text the server found it, in characters from 1; `undefined` where it says none. */
export function positionOf(error: unknown): number | undefined {
  const position = Number((error as { position?: unknown } | null)?.position)
  return position > 0 ? position : undefined
}

/** The server's message, without the literals that DETAIL may hold, and without those that it quotes where a value is what is wrong: they are the application's data. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const state = sqlStateOf(error) ?? ''
  if (state === RAISED) return 'a function of the application raised an error'
  return QUOTES_VALUES.test(state) ? message.replace(/"[^"]*"/g, '"?"') : message
}

/** raise_exception: the text is the application's own. */
const RAISED = 'P0001'

/** Classes of data exceptions and of violated constraints. @source PostgreSQL 18, Appendix A */
const QUOTES_VALUES = /^2[23]/
