import { cdnErrors } from '../errors.ts'
import type { CallDeps } from '../provider.ts'

/** One request to an API. */
export interface ApiCall {
  readonly provider: string
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Never to be seen in an error, whatever the other side answers. */
  readonly secrets: readonly string[]
  /** True when an answer that is an error means "not so fast". */
  isLimit?(status: number, text: string): boolean
}

/** Longest wait for an answer. */
const TIME_LIMIT_MS = 10_000
/** As much as is kept of what an API says when it refuses. */
const TEXT_LIMIT = 300
/** Wait after a refusal that names none. */
const DEFAULT_RETRY_MS = 60_000
/** A CDN that asks for more is asked again all the same. */
const RETRY_LIMIT_MS = 3_600_000

/** Sends a request and returns the text of an answer below 300.
 *  @throws HF_HTTP_CDN_AUTH (401, 403), HF_HTTP_CDN_LIMITED (429, with context.retryAfterMs), HF_HTTP_CDN_AWAY (no answer, 408, 5xx), HF_HTTP_CDN_REJECTED */
export async function callApi(call: ApiCall, { signal }: CallDeps): Promise<string> {
  const { provider, method, url, headers, body } = call
  const timeout = AbortSignal.timeout(TIME_LIMIT_MS)
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      // Credentials go to the host that was named and to no other.
      redirect: 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    text = await response.text()
  } catch (error) {
    signal?.throwIfAborted()
    throw cdnErrors.create('HF_HTTP_CDN_AWAY', `${provider} did not answer: ${causeOf(error)}`, { context: { provider } })
  }
  const { status } = response
  if (status < 300) return text
  const said = redacted(text.replace(/\s+/g, ' ').trim(), call.secrets).slice(0, TEXT_LIMIT)
  const context = { provider, status }
  if (status === 429 || call.isLimit?.(status, text) === true) {
    const retryAfterMs = retryAfterMsOf(response.headers)
    throw cdnErrors.create('HF_HTTP_CDN_LIMITED', `${provider} answered ${status}, wait ${Math.ceil(retryAfterMs / 1000)} s: ${said}`, {
      context: { ...context, retryAfterMs },
    })
  }
  if (status === 401 || status === 403) throw cdnErrors.create('HF_HTTP_CDN_AUTH', `${provider} answered ${status}: ${said}`, { context })
  if (status >= 500 || status === 408) throw cdnErrors.create('HF_HTTP_CDN_AWAY', `${provider} answered ${status}: ${said}`, { context })
  throw cdnErrors.create('HF_HTTP_CDN_REJECTED', `${provider} answered ${status}: ${said}`, { context })
}

/** The value of an answer in JSON. @throws HF_HTTP_CDN_AWAY when it is none */
export function parseAnswer(provider: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw cdnErrors.create('HF_HTTP_CDN_AWAY', `${provider} answered with something that is not JSON`, { context: { provider } })
  }
}

function redacted(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => (secret === '' ? left : left.replaceAll(secret, '[secret]')), text)
}

/** Seconds, or a date (RFC 9110 10.2.3). */
function retryAfterMsOf(headers: Headers): number {
  const value = headers.get('retry-after') ?? ''
  const now = headers.get('date')
  const untilMs = Date.parse(value) - Date.parse(now ?? '')
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Number.isNaN(untilMs) ? DEFAULT_RETRY_MS : untilMs
  return Math.min(RETRY_LIMIT_MS, Math.max(1000, ms))
}

/** The code alone: messages of the network stack can quote what was sent. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } }
  if (name === 'TimeoutError') return `no answer within ${TIME_LIMIT_MS} ms`
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown')
}
