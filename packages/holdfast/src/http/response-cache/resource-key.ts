import { createHash } from 'node:crypto'

/** Longer keys are shortened to a hash. Leaves room for what the data cache adds. */
const LONGEST_KEY = 900

/** How URLs become keys. */
export interface KeyRules {
  /** Query parameters that do not change the answer, for example those of campaigns. Never list one that carries a credential or an identity. */
  readonly ignoredParameters: ReadonlySet<string>
  /** Set apart what is stored for routes whose meaning changed, and for identities. */
  readonly partition: string
}

/** What identifies the resource behind a URL: scheme, host, path, and the query with its parameters sorted by name, the order within a name kept.
 *  Nothing is decoded: `%2F` and `/` are different paths to an origin. */
export function resourceKey(url: URL, rules: KeyRules): string {
  const query = url.search.length > 1 ? sortedQuery(url.search.slice(1), rules.ignoredParameters) : ''
  const key = `${rules.partition}${url.protocol}//${url.host}${url.pathname}${query}`
  return key.length > LONGEST_KEY ? `${key.slice(0, 200)}#${createHash('sha256').update(key).digest('base64url')}` : key
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
