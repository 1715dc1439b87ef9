/** The URL of a request, not interpreted: what the handler sees is what the key is made of. A parser that resolved `/a/../b` or turned `\` into `/` would give
 *  two URLs that the handler tells apart one key. */
export interface Target {
  /** Scheme and host, lower case. */
  readonly origin: string
  /** From the first `/` up to the query. */
  readonly path: string
  /** What comes after the `?`; empty without one. */
  readonly query: string
}

/** How URLs become keys. */
export interface KeyRules {
  /** Query parameters that do not change the answer, for example those of campaigns. Never list one that carries a credential or an identity. */
  readonly ignoredParameters: ReadonlySet<string>
  /** Query parameters with several spellings of one meaning, each with what makes one of them. */
  readonly canonicalParameters: ReadonlyMap<string, (value: string) => string>
  /** Sets apart what is stored for identities. */
  readonly partition: string
}

/** What may stand in a Host field. Anything else could move the border between host and path. */
const HOST = /^[\w.-]+(?::\d+)?$|^\[[\da-fA-F:.]+\](?::\d+)?$/

/** The target of a request in origin form; `undefined` for other forms and for a malformed host. */
export function targetOf(scheme: 'http' | 'https', host: string | undefined, requestTarget: string): Target | undefined {
  if (host === undefined || !HOST.test(host) || !requestTarget.startsWith('/')) return undefined
  const questionMark = requestTarget.indexOf('?')
  return {
    origin: `${scheme}://${host.toLowerCase()}`,
    path: questionMark < 0 ? requestTarget : requestTarget.slice(0, questionMark),
    query: questionMark < 0 ? '' : requestTarget.slice(questionMark + 1),
  }
}

/** The target of a URL that was parsed already. */
export function targetOfUrl(url: URL): Target {
  return { origin: url.origin, path: url.pathname, query: url.search.slice(1) }
}

/** What identifies the resource: origin, path, and the query with its parameters sorted by name, the order within a name kept. */
export function resourceKey({ origin, path, query }: Target, rules: KeyRules): string {
  return `${rules.partition}${origin}${path}${query === '' ? '' : sortedQuery(query, rules)}`
}

interface Parameter {
  readonly name: string
  readonly text: string
}

function sortedQuery(query: string, { ignoredParameters, canonicalParameters }: KeyRules): string {
  const parameters = query.split('&').map((text): Parameter => {
    const equals = text.indexOf('=')
    return { name: equals < 0 ? text : text.slice(0, equals), text }
  })
  const unlike = ignoredParameters.size === 0 ? parameters : parameters.filter(({ name }) => !ignoredParameters.has(decoded(name)))
  const kept = canonicalParameters.size === 0 ? unlike : unlike.map(parameter => canonicalOf(parameter, unlike, canonicalParameters))
  // Stable: the order of parameters with one name may matter to the origin.
  kept.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return kept.length === 0 ? '' : `?${kept.map(({ text }) => text).join('&')}`
}

/** Only of a parameter that stands there once: what several mean together is the handler's business. */
function canonicalOf(parameter: Parameter, all: readonly Parameter[], canonical: KeyRules['canonicalParameters']): Parameter {
  const { name, text } = parameter
  const make = canonical.get(decoded(name))
  if (make === undefined || all.filter(other => decoded(other.name) === decoded(name)).length > 1) return parameter
  const value = decoded(text.slice(name.length + 1))
  const made = make(value)
  return made === value ? parameter : { name, text: `${name}=${encodeURIComponent(made)}` }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
