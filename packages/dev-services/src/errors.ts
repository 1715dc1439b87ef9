/** Codes of the errors that starting services can raise. */
export type DevServicesErrorCode =
  | 'HF_PG_UNOBTAINABLE'
  | 'HF_PG_UNREACHABLE'
  | 'HF_PG_START_FAILED'
  | 'HF_PG_POOLER_UNOBTAINABLE'
  | 'HF_REDIS_UNOBTAINABLE'
  | 'HF_REDIS_UNREACHABLE'
  | 'HF_REDIS_START_FAILED'
  | 'HF_CLI_DISK_FULL'
  | 'HF_CLI_PORT_TAKEN'

/** What the documentation says about a code. */
export interface DevServicesErrorDefinition {
  /** One sentence: what went wrong, in general. */
  readonly summary: string
  /** The next step that usually mends it. */
  readonly hint: string
  /** True when the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
}

/** Errors of `dev-services`. */
export const errors: Readonly<Record<DevServicesErrorCode, DevServicesErrorDefinition>> = {
  HF_PG_UNOBTAINABLE: {
    summary: 'No PostgreSQL was found: no DATABASE_URL, no embedded binaries that run here, no postgres on PATH.',
    hint: 'set DATABASE_URL=postgres://user:password@host:5432/db, or run: apt-get install postgresql',
    retryable: false,
  },
  HF_PG_UNREACHABLE: {
    summary: 'DATABASE_URL is set, and the server it names did not answer a query within 5 s.',
    hint: 'correct DATABASE_URL, or unset it to use the embedded PostgreSQL',
    retryable: true,
  },
  HF_PG_START_FAILED: {
    summary: 'PostgreSQL was found and could not be initialised or started; the message ends with its last log lines.',
    hint: 'read the log lines in the message; if the data folder named there is damaged, delete it',
    retryable: true,
  },
  HF_PG_POOLER_UNOBTAINABLE: {
    summary: 'No PgBouncer could be had or started: none on PATH, and no private copy could be fetched with apt-get.',
    hint: 'run: apt-get install pgbouncer',
    retryable: false,
  },
  HF_REDIS_UNOBTAINABLE: {
    summary: 'No Redis was found: no REDIS_URL, no redis-server or valkey-server on PATH, and no private copy could be fetched with apt-get.',
    hint: 'run: apt-get install redis-server    (or set REDIS_URL=redis://host:6379)',
    retryable: false,
  },
  HF_REDIS_UNREACHABLE: {
    summary: 'REDIS_URL or REDIS_JOBS_URL is set, and the server it names did not answer INFO within 5 s.',
    hint: 'correct REDIS_URL, or unset it to use a private Redis',
    retryable: true,
  },
  HF_REDIS_START_FAILED: {
    summary: 'Redis was found and could not be started; the message ends with its last log lines.',
    hint: 'read the log lines in the message, or set REDIS_URL=redis://host:6379',
    retryable: true,
  },
  HF_CLI_DISK_FULL: {
    summary: 'There is too little free disk space for the data of the services.',
    hint: 'free at least 300 MB, or set XDG_CACHE_HOME to a folder on a larger disk',
    retryable: true,
  },
  HF_CLI_PORT_TAKEN: {
    summary: 'A port that was asked for is already in use.',
    hint: 'stop what listens there, or leave the port out to get a free one',
    retryable: true,
  },
}

/** Details of one occurrence. */
export interface DevServicesErrorDetails {
  /** Default: the hint of the code. */
  readonly hint?: string
  /** Values that explain the occurrence. Never secrets. */
  readonly context?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** The shape of `HoldfastError`, made here because this package imports nothing of Holdfast. Match on `code`. */
export class DevServicesError extends Error {
  /** The same name as the library's class, so that `isHoldfastError` is true for it. */
  override readonly name = 'HoldfastError'
  readonly code: DevServicesErrorCode
  readonly hint: string
  readonly retryable: boolean
  readonly context: Readonly<Record<string, unknown>>

  constructor(code: DevServicesErrorCode, message: string, details: DevServicesErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint ?? errors[code].hint
    this.retryable = errors[code].retryable
    this.context = details.context ?? {}
  }

  /** The shape that `--json` prints. Holds no stack and no cause. */
  toJSON(): Pick<DevServicesError, 'code' | 'message' | 'hint' | 'retryable' | 'context'> {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable, context: this.context }
  }
}

/** The text of any thrown value, without its stack. An AggregateError without a message (Node's answer to a refused `localhost`) shows its code. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || (error as { code?: string }).code || error.name
}
