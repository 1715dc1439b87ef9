type Fields = Readonly<Record<string, string | undefined>>
type ManyFields = Readonly<Record<string, readonly string[] | undefined>>

/** The part of an event read here: API Gateway REST (payload 1.0), API Gateway HTTP and function URLs (2.0), or an Application Load Balancer. */
export interface LambdaEvent {
  readonly version?: string
  readonly rawPath?: string
  readonly rawQueryString?: string
  readonly cookies?: readonly string[] | undefined
  readonly httpMethod?: string
  readonly path?: string
  readonly headers?: Fields | null | undefined
  readonly multiValueHeaders?: ManyFields | null | undefined
  readonly queryStringParameters?: Fields | null | undefined
  readonly multiValueQueryStringParameters?: ManyFields | null | undefined
  readonly body?: string | null | undefined
  readonly isBase64Encoded?: boolean
  readonly requestContext: {
    readonly http?: { readonly method: string }
    readonly elb?: unknown
    readonly domainName?: string | undefined
    /** Of REST APIs: with the stage or the base path of a custom domain. */
    readonly path?: string
  }
}

/** Set by AWS on every request, from the connection. They say what the URL says, and as fields of the client would keep the answer from being stored. */
const OF_THE_GATEWAY: ReadonlySet<string> = new Set(['x-forwarded-proto', 'x-forwarded-port'])

/** The request of an event, and the URL that the client asked for. */
export function toRequest(event: LambdaEvent): { request: Request; url: URL } {
  const { requestContext } = event
  const lines = fieldsOf(event)
  const headers = new Headers(lines.filter(([name]) => !OF_THE_GATEWAY.has(name.toLowerCase())))
  const proto = lines.find(([name]) => name.toLowerCase() === 'x-forwarded-proto')?.[1]
  // A load balancer may listen without TLS; the others never do.
  const scheme = requestContext.elb !== undefined && proto === 'http' ? 'http' : 'https'
  const origin = originOf(scheme, headers.get('host')) ?? `${scheme}://${requestContext.domainName ?? 'localhost'}`
  const query = queryOf(event)
  const method = requestContext.http?.method ?? event.httpMethod ?? 'GET'
  const path = event.rawPath ?? event.path ?? '/'
  const hasBody = method !== 'GET' && method !== 'HEAD' && typeof event.body === 'string'
  const body = hasBody ? { body: event.isBase64Encoded ? Buffer.from(event.body!, 'base64') : event.body! } : {}
  return {
    request: new Request(`${origin}${path}${query}`, { method, headers, ...body }),
    url: new URL(`${origin}${event.rawPath ?? requestContext.path ?? path}${query}`),
  }
}

/** `undefined` for a Host that would be more than a host in a URL. */
function originOf(scheme: string, host: string | null): string | undefined {
  const origin = `${scheme}://${host}`
  if (host === null || !URL.canParse(origin)) return undefined
  const { pathname, search, hash, username, password } = new URL(origin)
  return `${pathname}${search}${hash}${username}${password}` === '/' ? origin : undefined
}

function fieldsOf({ headers, multiValueHeaders, cookies }: LambdaEvent): [string, string][] {
  const lines: [string, string][] = []
  if (multiValueHeaders) for (const [name, values] of Object.entries(multiValueHeaders)) for (const value of values ?? []) lines.push([name, value])
  else for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) lines.push([name, value])
  if (cookies !== undefined && cookies.length > 0) lines.push(['cookie', cookies.join('; ')])
  return lines
}

/** As the client wrote it, as far as AWS says: REST APIs give it decoded, load balancers as it was. */
function queryOf(event: LambdaEvent): string {
  if (event.rawQueryString !== undefined) return event.rawQueryString === '' ? '' : `?${event.rawQueryString}`
  const encode = event.requestContext.elb === undefined ? encodeURIComponent : (text: string): string => text
  const pairs: string[] = []
  const add = (name: string, value: string): number => pairs.push(`${encode(name)}=${encode(value)}`)
  const { multiValueQueryStringParameters: many, queryStringParameters: one } = event
  if (many) for (const [name, values] of Object.entries(many)) for (const value of values ?? []) add(name, value)
  else for (const [name, value] of Object.entries(one ?? {})) if (value !== undefined) add(name, value)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
