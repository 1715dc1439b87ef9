/** Areas of error codes: `HF_<AREA>_<CONDITION>`. */
export type ErrorArea = 'CONFIG' | 'CACHE' | 'PG' | 'REDIS' | 'HTTP' | 'JOBS' | 'LOAD' | 'PLAN' | 'CONSOLE' | 'CLI' | 'BUG'

/** A stable, documented code. Match on this, never on the message. */
export type ErrorCode = `HF_${ErrorArea}_${string}`

/** What the documentation says about a code. Each layer's `errors.ts` is a table of these. */
export interface ErrorDefinition {
  /** One sentence: what went wrong, in general. */
  readonly summary: string
  /** The next step that usually mends it. */
  readonly hint: string
  /** True when the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** HTTP status of a request that ends with it. Default: 503 when it is retryable, else 500. */
  readonly status?: number
}

/** Details of one occurrence. `hint` and `retryable` default to the code's definition. */
export interface ErrorDetails {
  readonly hint?: string
  readonly retryable?: boolean
  /** Values that explain the occurrence. Never secrets, never bind values of statements. */
  readonly context?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** The one error class of Holdfast. `message` says what, on which object, measured against which limit; `hint` says the next step. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError'
  readonly code: ErrorCode
  readonly hint: string
  readonly retryable: boolean
  readonly context: Readonly<Record<string, unknown>>
  /** HTTP status of a request that ends with it. Express reads it. */
  readonly status: number
  /** What the code means, whatever the occurrence. */
  readonly summary: string

  constructor(code: ErrorCode, message: string, details: ErrorDetails & Omit<ErrorDefinition, 'summary'> & { readonly summary?: string }) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint
    this.retryable = details.retryable
    this.context = details.context ?? {}
    this.status = details.status ?? (details.retryable ? 503 : 500)
    this.summary = details.summary ?? 'The action was refused.'
  }

  /** The same, as Fastify reads it. */
  get statusCode(): number {
    return this.status
  }

  /** The shape that `--json` and the REST interface print. Holds no stack and no cause. */
  toJSON(): { code: ErrorCode; message: string; hint: string; retryable: boolean; context: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable, context: this.context }
  }
}

/** A layer's error table together with a constructor that knows the defaults. */
export interface ErrorTable<Code extends ErrorCode> {
  readonly definitions: Readonly<Record<Code, ErrorDefinition>>
  /** Makes the error for `code`; throw the result. */
  create(code: Code, message: string, details?: ErrorDetails): HoldfastError
}

/** Declares the codes of one layer. */
export function defineErrors<Code extends ErrorCode>(definitions: Readonly<Record<Code, ErrorDefinition>>): ErrorTable<Code> {
  return {
    definitions,
    create(code, message, details = {}) {
      return new HoldfastError(code, message, { ...definitions[code], ...details })
    },
  }
}

/** True for an error of Holdfast, also one made by another copy of this package. */
export function isHoldfastError(error: unknown): error is HoldfastError {
  return error instanceof Error && error.name === 'HoldfastError' && typeof (error as { code?: unknown }).code === 'string'
}
