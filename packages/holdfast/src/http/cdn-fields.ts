import { type TagField, wireTag } from '../core/index.ts'
import type { Registry } from '../telemetry/index.ts'
import { parseDirectives } from './fields/directives.ts'
import { type FieldLines, fieldValue, filterFields } from './fields/fields.ts'
import type { ToCdn } from './response-cache/engine-contract.ts'
import { varyFields } from './response-cache/storage-rules.ts'

/** Where CDNs read the tags of answers. */
export interface CdnFields {
  /** One for each CDN; of several with the same name the least of each limit holds. */
  readonly fields: readonly TagField[]
  /** Name them in `Cache-Groups` too (RFC 9875). */
  readonly cacheGroups: boolean
  /** On every answer: the tag of all of them, by its name at CDNs. */
  readonly common: string
}

/** Our own choice for Cache-Groups, for which RFC 9875 asks caches to take 32 groups of 32 characters at least. */
const GROUPS_MAX_BYTES = 4096
/** What a shared cache obeys before Cache-Control. */
const TARGETED: ReadonlySet<string> = new Set(['cdn-cache-control', 'surrogate-control', 'cloudflare-cdn-cache-control'])
/** What is left of Cache-Control when shared caches are told to keep away. */
const FOR_BROWSERS = [
  'no-store',
  'no-cache',
  'max-age',
  'must-revalidate',
  'stale-while-revalidate',
  'stale-if-error',
  'immutable',
  'no-transform',
] as const

/** Makes the function. Tags are never dropped: an answer with more than a CDN reads is not stored there, since no purge could be sure to reach it; nor is one that was
 *  made for who asked, or varies by what a CDN does not look at. Answers that say `private` or
 *  `no-store`, and nothing else to CDNs (RFC 9213), are left as they are. */
export function tagsForCdn({ fields, cacheGroups, common }: CdnFields, registry: Registry): ToCdn {
  const budgets = leastOf(fields)
  const overBudget = registry.counter({
    name: 'holdfast_http_cdn_over_budget',
    help: 'Answers kept out of CDNs, because their tags are more than these read. Counted when they are made, not for each hit.',
  })
  const varied = registry.counter({
    name: 'holdfast_http_cdn_varied',
    help: 'Answers kept out of CDNs, because their Vary names request fields that these do not tell apart. Counted when they are made, not for each hit.',
  })
  const replaced: ReadonlySet<string> = new Set([...budgets.map(({ name }) => name.toLowerCase()), ...(cacheGroups ? ['cache-groups'] : [])])
  const hasPlainCache = budgets.some(({ obeysTargeted }) => !obeysTargeted)
  return (lines, tags, isForOne) => {
    const control = parseDirectives(fieldValue(lines, 'cache-control'))
    const isForNobody = (control.has('no-store') || control.has('private')) && filterFields(lines, name => TARGETED.has(name)).length === 0
    if (isForNobody) return [...lines]
    const kept = filterFields(lines, name => !replaced.has(name))
    if (isForOne) return keptOut(kept, hasPlainCache)
    if (budgets.some(field => !tellsApart(field, lines))) {
      varied.bind().add()
      return keptOut(kept, hasPlainCache)
    }
    const named = tags === undefined ? undefined : namedIn(tags, budgets, cacheGroups, common)
    if (named !== undefined) return [...kept, ...named]
    overBudget.bind().add()
    return keptOut(kept, hasPlainCache)
  }
}

function tellsApart({ variesBy }: TagField, lines: FieldLines): boolean {
  return variesBy === 'all' || (varyFields(lines)?.every(name => name === 'accept-encoding' || variesBy.includes(name)) ?? false)
}

/** The fields, or `undefined` when the tags do not fit into one. */
function namedIn(tags: readonly string[], budgets: readonly TagField[], cacheGroups: boolean, common: string): string[] | undefined {
  const names = [...new Set([common, ...tags.map(wireTag)])]
  const lines: string[] = []
  for (const { name, separator, maxBytes, maxTags } of budgets) {
    const value = names.join(separator)
    if (names.length > maxTags || value.length > maxBytes) return undefined
    lines.push(name, value)
  }
  if (!cacheGroups) return lines
  // As they are where a string can hold them (RFC 9651 3.3.3): `Cache-Group-Invalidation` of the handler names them so.
  const groups = [common, ...tags].map(tag => `"${(/^[ -~]*$/.test(tag) ? tag : wireTag(tag)).replace(/["\\]/g, '\\$&')}"`).join(', ')
  if (groups.length > GROUPS_MAX_BYTES) return undefined
  return [...lines, 'Cache-Groups', groups]
}

function keptOut(lines: FieldLines, hasPlainCache: boolean): string[] {
  const left = filterFields(lines, name => !TARGETED.has(name) && !(hasPlainCache && name === 'cache-control'))
  left.push('CDN-Cache-Control', 'no-store')
  if (!hasPlainCache) return left
  const control = parseDirectives(fieldValue(lines, 'cache-control'))
  const own = FOR_BROWSERS.filter(name => control.has(name)).map(name => (control.get(name) === true ? name : `${name}=${control.get(name)}`))
  left.push('Cache-Control', ['private', ...own].join(', '))
  return left
}

function leastOf(fields: readonly TagField[]): TagField[] {
  const byName = new Map<string, TagField>()
  for (const field of fields) {
    const other = byName.get(field.name)
    byName.set(field.name, other === undefined ? field : { ...field, ...least(field, other) })
  }
  return [...byName.values()]
}

function least(a: TagField, b: TagField): Pick<TagField, 'maxBytes' | 'maxTags' | 'obeysTargeted' | 'variesBy'> {
  return {
    maxBytes: Math.min(a.maxBytes, b.maxBytes),
    maxTags: Math.min(a.maxTags, b.maxTags),
    obeysTargeted: a.obeysTargeted && b.obeysTargeted,
    variesBy: a.variesBy === 'all' ? b.variesBy : a.variesBy.filter(name => b.variesBy === 'all' || b.variesBy.includes(name)),
  }
}
