import { type ConfigProblems, type Duration, parseDurationMs } from '../core/portable.ts'
import { listMembers } from '../http/fields/fields.ts'

/** What pages of other origins may ask of some paths. The worker then answers preflights itself, and sets these fields on all answers instead of the origin. */
export interface CorsRule {
  /** Path that it is for; `*` stands for any characters. Of several that match, the first counts. */
  readonly path: string
  /** Origins such as `https://app.example.com`, or `'*'` for all. */
  readonly origins: readonly string[] | '*'
  /** Default GET, HEAD and POST, which need no preflight by themselves. */
  readonly methods?: readonly string[]
  /** Fields that a request may carry beside the harmless ones. Default none. */
  readonly headers?: readonly string[]
  /** Fields of answers that a page may read beside the harmless ones. Default none. */
  readonly exposeHeaders?: readonly string[]
  /** Requests with cookies. Not with `origins: '*'`. Default false. */
  readonly credentials?: boolean
  /** How long a browser keeps the answer to a preflight. Default `'2h'`, which is the most that Chromium does. */
  readonly maxAge?: Duration
}

/** A rule with everything worked out. */
export interface ResolvedCors {
  readonly pattern: RegExp
  readonly origins: ReadonlySet<string> | '*'
  readonly methods: readonly string[]
  readonly headers: ReadonlySet<string>
  readonly exposed: string
  readonly mayHaveCredentials: boolean
  readonly maxAgeSec: number
}

/** Checks a rule. */
export function resolveCors(rule: CorsRule, at: string, patternOf: (path: string) => RegExp, problems: ConfigProblems): ResolvedCors {
  const { origins, methods = ['GET', 'HEAD', 'POST'], headers = [], exposeHeaders = [], credentials = false, maxAge = '2h' } = rule
  if (origins === '*' && credentials) problems.add(`${at}.credentials`, "cannot be with origins '*': any page could ask in a user's name")
  for (const origin of origins === '*' ? [] : origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) problems.add(`${at}.origins`, `${JSON.stringify(origin)} is not an origin`)
  }
  return {
    pattern: patternOf(rule.path),
    origins: origins === '*' ? '*' : new Set(origins),
    methods: methods.map(method => method.toUpperCase()),
    headers: new Set(headers.map(name => name.toLowerCase())),
    exposed: exposeHeaders.join(', '),
    mayHaveCredentials: credentials,
    maxAgeSec: Math.floor(problems.attempt(`${at}.maxAge`, () => parseDurationMs(maxAge), 0) / 1000),
  }
}

/** True for a preflight (Fetch standard, "CORS-preflight request"). */
export function isPreflight(request: Request): boolean {
  const { headers } = request
  return request.method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method')
}

/** The answer to a preflight: 204 when the rule allows all that is asked, else 403 without a field that a browser would go by. */
export function answerPreflight({ headers }: Request, rule: ResolvedCors): Response {
  const origin = headers.get('origin') ?? ''
  const method = headers.get('access-control-request-method') ?? ''
  const asked = listMembers(headers.get('access-control-request-headers') ?? '').map(name => name.toLowerCase())
  const answer = new Headers({ 'cache-control': 'no-store', vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' })
  if (!allows(rule, origin) || !rule.methods.includes(method) || !asked.every(name => rule.headers.has(name))) {
    return new Response(null, { status: 403, headers: answer })
  }
  setOrigin(answer, rule, origin)
  answer.set('access-control-allow-methods', rule.methods.join(', '))
  if (rule.headers.size > 0) answer.set('access-control-allow-headers', [...rule.headers].join(', '))
  answer.set('access-control-max-age', String(rule.maxAgeSec))
  return new Response(null, { status: 204, headers: answer })
}

/** Replaces what an answer says to pages of other origins. */
export function setCors(headers: Headers, rule: ResolvedCors, origin: string | null): void {
  for (const name of [...headers.keys()]) if (name.startsWith('access-control-')) headers.delete(name)
  if (rule.origins !== '*') addVary(headers, 'Origin')
  if (origin === null || !allows(rule, origin)) return
  setOrigin(headers, rule, origin)
  if (rule.exposed !== '') headers.set('access-control-expose-headers', rule.exposed)
}

function allows({ origins }: ResolvedCors, origin: string): boolean {
  return origins === '*' || origins.has(origin)
}

function setOrigin(headers: Headers, { origins, mayHaveCredentials }: ResolvedCors, origin: string): void {
  headers.set('access-control-allow-origin', origins === '*' ? '*' : origin)
  if (mayHaveCredentials) headers.set('access-control-allow-credentials', 'true')
}

function addVary(headers: Headers, name: string): void {
  const names = listMembers(headers.get('vary') ?? '')
  if (!names.some(other => other === '*' || other.toLowerCase() === name.toLowerCase())) headers.set('vary', [...names, name].join(', '))
}
