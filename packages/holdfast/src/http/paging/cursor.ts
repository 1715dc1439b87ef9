import { createHmac, timingSafeEqual } from 'node:crypto'
import { httpErrors } from '../errors.ts'

/** A key that signs cursors. The first of a list signs, all of them verify: to change keys, put the new one first and drop the old one a day later. */
export interface CursorSecret {
  /** 1 to 16 letters or digits; stands in the cursor. */
  readonly id: string
  /** At least 16 bytes. Never leaves the process. */
  readonly secret: string | Buffer
}

/** Where a page begins. */
export interface Position {
  /** `back`: the page ends before the row, else it begins after it. */
  readonly direction: 'forward' | 'back'
  /** The row's values of the order columns as PostgreSQL writes them; null for NULL. */
  readonly values: readonly (string | null)[]
}

const VERSION = '1'
const MAC_BYTES = 16
/** Order columns hold keys and times. A cursor beyond this is none of ours. */
const LONGEST_CURSOR = 2048

/** A position as text for a URL. `binding` says what the cursor is for (order, filter, tenant): with another binding it does not verify. */
export function encodeCursor(position: Position, binding: string, { id, secret }: CursorSecret): string {
  const payload = Buffer.from(JSON.stringify([position.direction === 'back' ? 1 : 0, ...position.values])).toString('base64url')
  return `${VERSION}.${id}.${payload}.${mac(payload, binding, secret).toString('base64url')}`
}

/** The position in a cursor. @throws HF_HTTP_CURSOR_INVALID when it was changed, has another binding, or its key is not known */
export function decodeCursor(cursor: string, binding: string, secrets: readonly CursorSecret[]): Position {
  const [version, id, payload, signature, ...rest] = cursor.slice(0, LONGEST_CURSOR).split('.')
  if (version !== VERSION || payload === undefined || signature === undefined || rest.length > 0) throw invalid('it is no cursor')
  const key = secrets.find(secret => secret.id === id)
  if (key === undefined) throw invalid('its key is not known')
  const given = Buffer.from(signature, 'base64url')
  const expected = mac(payload, binding, key.secret)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw invalid('it was changed, or is for another list')
  const [direction, ...values] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [number, ...(string | null)[]]
  return { direction: direction === 1 ? 'back' : 'forward', values }
}

function mac(payload: string, binding: string, secret: string | Buffer): Buffer {
  return createHmac('sha256', secret).update(`${VERSION}\n${binding}\n${payload}`).digest().subarray(0, MAC_BYTES)
}

function invalid(why: string): Error {
  return httpErrors.create('HF_HTTP_CURSOR_INVALID', `the page cursor cannot be used: ${why}`)
}
