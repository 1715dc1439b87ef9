import { STATUS_CODES } from 'node:http'
import type { LambdaEvent } from './lambda-event.ts'

/** What Lambda returns: `cookies` for payload 2.0, `multiValueHeaders` where the event had them, `statusDescription` for load balancers. */
export interface LambdaResult {
  readonly statusCode: number
  readonly statusDescription?: string
  readonly headers?: Record<string, string>
  readonly multiValueHeaders?: Record<string, string[]>
  readonly cookies?: string[]
  readonly body: string
  readonly isBase64Encoded: boolean
}

/** Largest result that is passed on. @source AWS Lambda quotas (synchronous invocation), Elastic Load Balancing: Lambda functions as targets (response) */
const LIMIT_BYTES = 6 * 1024 * 1024
const LOAD_BALANCER_LIMIT_BYTES = 1024 * 1024
/** Room for the fields and what is around the body. */
const AROUND_BYTES = 64 * 1024

/** The result of an answer. One that is too large for Lambda becomes a 500 that says so, since Lambda itself would answer 502 and say nothing. */
export async function toResult(event: LambdaEvent, response: Response): Promise<LambdaResult> {
  const bytes = Buffer.from(await response.arrayBuffer())
  const text = isText(response.headers) ? tryDecode(bytes) : undefined
  const body = text ?? bytes.toString('base64')
  const limitBytes = event.requestContext.elb === undefined ? LIMIT_BYTES : LOAD_BALANCER_LIMIT_BYTES
  if (encodedSize(body) > limitBytes - AROUND_BYTES) return toResult(event, tooLarge(bytes.byteLength, limitBytes))
  const { status } = response
  const head = headOf(event, response.headers)
  const description = event.requestContext.elb === undefined ? {} : { statusDescription: `${status} ${STATUS_CODES[status] ?? ''}`.trim() }
  return { statusCode: status, ...description, ...head, body, isBase64Encoded: text === undefined }
}

function headOf(event: LambdaEvent, headers: Headers): Pick<LambdaResult, 'headers' | 'multiValueHeaders' | 'cookies'> {
  const cookies = headers.getSetCookie()
  const single: Record<string, string> = {}
  for (const [name, value] of headers) if (name !== 'set-cookie') single[name] = value
  if (event.version === '2.0') return { headers: single, ...(cookies.length === 0 ? {} : { cookies }) }
  // A load balancer without multi-value headers takes one line of each field.
  if (!event.multiValueHeaders) return { headers: cookies.length === 0 ? single : { ...single, 'set-cookie': cookies.at(-1)! } }
  const many = Object.fromEntries(Object.entries(single).map(([name, value]) => [name, [value]]))
  return { multiValueHeaders: cookies.length === 0 ? many : { ...many, 'set-cookie': cookies } }
}

/** True for types that may be sent as text; everything else, and what is encoded, goes as base64. */
function isText(headers: Headers): boolean {
  const type = headers.get('content-type') ?? ''
  if (headers.has('content-encoding') || /charset=(?!"?utf-8)/i.test(type)) return false
  return /^\s*(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml)|application\/(?:javascript|x-www-form-urlencoded)|image\/svg)/i.test(type)
}

function tryDecode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** What the body takes in the JSON that Lambda sends. */
function encodedSize(body: string): number {
  // No character takes more than six bytes there; only what may be too large is written out.
  return body.length * 6 <= LOAD_BALANCER_LIMIT_BYTES - AROUND_BYTES ? body.length * 6 : Buffer.byteLength(JSON.stringify(body))
}

function tooLarge(sizeBytes: number, limitBytes: number): Response {
  const detail = `the answer has ${sizeBytes} bytes, and Lambda passes on ${limitBytes}; send less, or a link to where it is stored`
  return new Response(JSON.stringify({ type: 'about:blank', title: 'Internal Server Error', status: 500, detail }), {
    status: 500,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}
