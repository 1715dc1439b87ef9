import { createHash } from 'node:crypto'

/** The field in which a CDN reads the tags of an answer, and what it reads of it. What is beyond a limit it drops without a word. */
export interface TagField {
  readonly name: 'Cache-Tag' | 'Surrogate-Key'
  readonly separator: string
  readonly maxBytes: number
  readonly maxTags: number
  /** False: only `Cache-Control: private` keeps an answer out of it, for it does not know `CDN-Cache-Control` (RFC 9213). */
  readonly obeysTargeted: boolean
  /** Request fields by which it tells answers of one URL apart, beside Accept-Encoding: lower case, or `all` that Vary names. An answer that varies by another must not be stored there:
   *  everybody would get that of whoever asked first. */
  readonly variesBy: 'all' | readonly string[]
}

/** Longest name sent. CloudFront takes 256 characters, Cloudflare and Fastly 1,024.
 *  @source docs.aws.amazon.com, CloudFront Developer Guide, "What you need to know when invalidating tags", 2026 */
const LIMIT = 256
/** What the separators of the three fields, their escapes and CloudFront's wildcard leave of visible ASCII. */
const PLAIN = /^[!$&'()+\-./0-9:;<=>?@A-Z[\]^_`a-z{|}~]+$/

/** The name under which CDNs know a tag: the tag itself where it consists of letters, digits and the like; other characters as `%` and the hexadecimal digits of their
 *  UTF-8 bytes; what is then longer than 256 characters as its SHA-256. Cloudflare and CloudFront tell no case apart, so `A` also purges `a`. */
export function wireTag(tag: string): string {
  if (tag.length <= LIMIT && PLAIN.test(tag)) return tag
  let name = ''
  for (const character of tag) name += PLAIN.test(character) ? character : escaped(character)
  return name.length <= LIMIT ? name : `~${createHash('sha256').update(tag).digest('hex')}`
}

/** The tag at CDNs that everything of a namespace has. */
export function namespaceWireTag(namespace: string): string {
  return wireTag(`holdfast:${namespace}`)
}

function escaped(character: string): string {
  return [...Buffer.from(character)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
