import { createHash } from 'node:crypto'
import { cookieSecret, sameSecret } from './console-auth.ts'

/** Name of the cookie. Cookies ignore the port and may ignore the path, so two consoles on one host differ by name. */
export function cookieNameOf(request: Request, mountPath: string): string {
  const { host } = new URL(request.url)
  return `holdfast_${createHash('sha256').update(`${host}${mountPath}`).digest('hex').slice(0, 8)}`
}

/** Pages that may be opened directly. */
const DEEP_LINK = /^(cache|jobs|postgres(\/(queries|indexes|health))?|findings(\/[\w.-]{1,64})?)$/

/** Answers `?t=<token>` with a redirect to the same address without it, so that the token stays out of history, logs and referrers; the cookie takes its place.
 *  Every location is relative: behind a prefix only the browser knows the whole path. Undefined when the token is wrong or absent.
 *  @param page path of the page below the mount, `''` or a deep link */
export function exchangeToken(request: Request, token: string, page: string, cookieName: string): Response | undefined {
  const { searchParams } = new URL(request.url)
  const given = searchParams.get('t')
  if (given === null || !sameSecret(given, token)) return undefined
  if (page !== '') return redirect(toRootWithToken(searchParams, page))
  const target = searchParams.get('to') ?? ''
  searchParams.delete('t')
  searchParams.delete('to')
  const query = searchParams.size === 0 ? '' : `?${searchParams}`
  // No Path attribute: the browser then takes the directory of the address that it asked for, which is the mount as seen from outside.
  const cookie = `${cookieName}=${cookieSecret(token)}; HttpOnly; SameSite=Strict`
  return redirect(`./${DEEP_LINK.test(target) ? target : ''}${query}`, cookie)
}

/** A cookie set on `findings/ID` would not reach `api/`; so the exchange goes through the mount's root. */
function toRootWithToken(searchParams: URLSearchParams, page: string): string {
  searchParams.set('to', page)
  return `${page.includes('/') ? '../' : './'}?${searchParams}`
}

function redirect(location: string, cookie?: string): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
  if (cookie !== undefined) headers.set('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}
