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
export function resourceKey({ origin, path, query }: Target, { ignoredParameters, partition }: KeyRules): string {
  return `${partition}${origin}${path}${query === '' ? '' : sortedQuery(query, ignoredParameters)}`
}

function sortedQuery(query: string, ignored: ReadonlySet<string>): string {
  const parameters = query.split('&').map(text => {
    const equals = text.indexOf('=')
    return { name: equals < 0 ? text : text.slice(0, equals), text }
  })
  const kept = ignored.size === 0 ? parameters : parameters.filter(({ name }) => !ignored.has(decodedName(name)))
  // Stable: the order of parameters with one name may matter to the origin.
  kept.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return kept.length === 0 ? '' : `?${kept.map(({ text }) => text).join('&')}`
}

function decodedName(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
