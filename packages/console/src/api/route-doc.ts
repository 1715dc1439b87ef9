import type { Role } from '../auth/console-auth.ts'

/** Type of a property of an answer. A question mark: may be null. */
export type DocType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'object?' | 'number?' | 'string?'

/** What one address is, as the reference and the OpenAPI document say it. */
export interface RouteDoc {
  readonly method: 'get' | 'post'
  /** Below the mount, with `:name` for a part that varies. */
  readonly path: string
  readonly summary: string
  readonly role: Role
  /** Parameters of the query: name, required or not, meaning. */
  readonly query?: readonly (readonly [name: string, isRequired: boolean, meaning: string])[]
  /** Properties of the JSON body: name, type, required or not, meaning. */
  readonly body?: readonly (readonly [name: string, type: DocType, isRequired: boolean, meaning: string])[]
  /** Absent: 204 without a body. */
  readonly answer?: {
    /** Value of `schema`; absent where the answer has none. */
    readonly schema?: string
    /** `json` by default. */
    readonly kind?: 'events'
    readonly properties: Readonly<Record<string, DocType>>
  }
  /** Codes that this address may refuse with, beside those of every address. */
  readonly refusals: readonly string[]
}

/** The parameter of addresses that look back. */
export const WINDOW: readonly [name: string, isRequired: boolean, meaning: string] = ['window', false, 'seconds looked back, 5 to 900; default 60']
