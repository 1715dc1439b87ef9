/** Why the service or the seed does not start. The exit code is 2 for a wrong setting, 3 for a service that does not answer. */
export class StartupError extends Error {
  override readonly name = 'StartupError'
  readonly code: string
  readonly hint: string
  readonly exitCode: 2 | 3

  constructor(code: string, message: string, details: { hint: string; exitCode: 2 | 3 }) {
    super(message)
    this.code = code
    this.hint = details.hint
    this.exitCode = details.exitCode
  }
}

/** What PostgreSQL or the way to it said, as an error that names the next step. Never holds the URL, for it has the password in it. */
export function databaseError(error: unknown): StartupError {
  const { code, message } = error as { code?: string; message?: string }
  // A host name with several addresses fails with an AggregateError, whose message is empty.
  const said = message || code || 'no answer'
  if (code === '42P01') {
    return new StartupError('LEADS_DATABASE_EMPTY', `the database has no tables of this service (${said})`, {
      hint: 'seed it first: node dist/seed.js --size demo',
      exitCode: 3,
    })
  }
  return new StartupError('LEADS_DATABASE_UNREACHABLE', `PostgreSQL at DATABASE_URL does not answer (${said})`, {
    hint: 'check that it runs and that host, port, name and password in DATABASE_URL are right',
    exitCode: 3,
  })
}
