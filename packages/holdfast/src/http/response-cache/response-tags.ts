import { type Item, isInnerList, parseList } from 'structured-headers'
import { isTag } from '../../core/portable.ts'
import { type FieldLines, fieldValue, listMembers } from '../fields/fields.ts'

/** All tags of a response: those known already, and what its handler says in `Cache-Tag`, `Surrogate-Key` and `Cache-Groups` (RFC 9875 2). `undefined` when
 *  one of them cannot be a tag: then an invalidation could not reach the response. The fields stay on the response, for CDNs. */
export function responseTags(known: readonly string[], lines: FieldLines): readonly string[] | undefined {
  const groups = groupsOf(lines, 'cache-groups')
  if (groups === undefined) return undefined
  const surrogateKeys = fieldValue(lines, 'surrogate-key')?.split(/[\s,]+/) ?? []
  const all = [...known, ...listMembers(fieldValue(lines, 'cache-tag') ?? ''), ...surrogateKeys.filter(key => key !== ''), ...groups]
  return all.every(isTag) ? [...new Set(all)] : undefined
}

/** The groups that the answer to an unsafe request makes old, when it is no error (RFC 9875 3). */
export function invalidatedTags({ status, lines }: { readonly status: number; readonly lines: FieldLines }): readonly string[] {
  if (status < 200 || status >= 400) return []
  const groups = groupsOf(lines, 'cache-group-invalidation') ?? []
  return groups.every(isTag) ? [...new Set(groups)] : []
}

/** A list of strings (RFC 8941); `undefined` when it is none. */
function groupsOf(lines: FieldLines, name: string): readonly string[] | undefined {
  const value = fieldValue(lines, name)
  if (value === undefined) return []
  try {
    const groups: string[] = []
    for (const member of parseList(value)) {
      const item = isInnerList(member) ? undefined : (member as Item)[0]
      if (typeof item !== 'string') return undefined
      groups.push(item)
    }
    return groups
  } catch {
    return undefined
  }
}
