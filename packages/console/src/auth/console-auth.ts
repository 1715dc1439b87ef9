import { createHash, timingSafeEqual } from 'node:crypto'

/** What a caller may do. Each role includes the ones before it: `view` reads, `operate` applies, verifies and reverts, `admin` is for what manages the console itself. */
export type Role = 'view' | 'operate' | 'admin'

/** Who may use the console.
 *  - `token`: whoever has the token, as admin. For loopback only: a bind beyond it is refused.
 *  - `basic`, `custom`: `verify` looks at the request and answers the role, or undefined for nobody. `basic` lets the browser ask for name and password.
 *    A `verify` that rejects counts as nobody. */
export type ConsoleAuth =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'basic' | 'custom'; verify(request: Request): Promise<Role | undefined> }

/** Shortest token accepted, in characters. A generated one has 32. */
export const TOKEN_MIN_LENGTH = 16

/** The caller of one request. */
export interface Caller {
  readonly role: Role
  /** True when a browser sends the credential by itself, so that a foreign page could make it do so. */
  readonly isAmbient: boolean
}

const ROLES: readonly Role[] = ['view', 'operate', 'admin']

/** True when `role` includes `needed`. */
export function hasRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** Who is calling, or undefined for nobody.
 *  @param cookieName name of the cookie that the token was exchanged for */
export async function authenticate(auth: ConsoleAuth, request: Request, cookieName: string): Promise<Caller | undefined> {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (auth.kind !== 'token') {
    const role = await auth.verify(request).catch(() => undefined)
    return role !== undefined && ROLES.includes(role) ? { role, isAmbient: bearer === undefined } : undefined
  }
  if (bearer !== undefined) return sameSecret(bearer, auth.token) ? { role: 'admin', isAmbient: false } : undefined
  const cookie = cookieValue(request, cookieName)
  return cookie !== undefined && sameSecret(cookie, cookieSecret(auth.token)) ? { role: 'admin', isAmbient: true } : undefined
}

/** What the cookie holds. Not the token itself: cookies of one host go to all its ports. */
export function cookieSecret(token: string): string {
  return createHash('sha256').update(`holdfast console cookie ${token}`).digest('base64url')
}

/** Compares in a time that does not depend on where the two differ. */
export function sameSecret(given: string, expected: string): boolean {
  // Hashed first: timingSafeEqual needs equal lengths, and the length is a secret too.
  return timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(expected).digest())
}

function cookieValue(request: Request, name: string): string | undefined {
  for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
    const separator = pair.indexOf('=')
    if (separator > 0 && pair.slice(0, separator).trim() === name) return pair.slice(separator + 1).trim()
  }
  return undefined
}
