import { consoleErrors } from '../errors.ts'
import { type Caller, hasRole, type Role } from './console-auth.ts'

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** True for an address of this machine, as a socket shows it. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || /^(::ffff:)?127\./.test(address))
}

/** True for a host name to listen on that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host)
}

/** Refuses a foreign host name: a page of evil.example that resolves to 127.0.0.1 (DNS rebinding) would count as the same origin.
 *  @throws HF_CONSOLE_HOST */
export function requireLoopbackHost(request: Request): void {
  const { hostname } = new URL(request.url)
  if (!LOOPBACK_HOSTS.has(hostname)) throw consoleErrors.create('HF_CONSOLE_HOST', `the host ${hostname} is not this machine's loopback`)
}

/** @throws HF_CONSOLE_FORBIDDEN when the caller's role does not include `needed`. */
export function requireRole(caller: Caller, needed: Role): void {
  if (!hasRole(caller.role, needed)) throw consoleErrors.create('HF_CONSOLE_FORBIDDEN', `this needs the role ${needed}, yours is ${caller.role}`)
}

/** Refuses a changing request that another site could have made the browser send. A form cannot send JSON nor our header, and a script of another
 *  origin would need a permission that is never given (no CORS). A request with a bearer token comes from no browser by itself and needs no header.
 *  @throws HF_CONSOLE_CSRF */
export function requireSameOrigin(request: Request, caller: Caller): void {
  const refuse = (why: string): never => {
    throw consoleErrors.create('HF_CONSOLE_CSRF', why)
  }
  const contentType = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(contentType)) refuse(`the content type is ${contentType || 'absent'}, not application/json`)
  if (!caller.isAmbient) return
  if (request.headers.get('x-holdfast-csrf') === null) refuse('the header x-holdfast-csrf is absent')
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') refuse(`the request comes from another origin (sec-fetch-site: ${site})`)
  const origin = request.headers.get('origin')
  // Behind a proxy the Host header may be rewritten; a browser that sends Sec-Fetch-Site has judged that better than we could.
  if (site === null && origin !== null && hostOf(origin) !== new URL(request.url).host) refuse(`the request comes from ${origin}`)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
