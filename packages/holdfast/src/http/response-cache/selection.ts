import { preferredCoding } from '../content-coding/coding.ts'
import { type FieldLines, fieldValue, listMembers } from '../fields/fields.ts'

/** Request fields whose value is a list without order, or whose case does not matter, so that spellings of one wish are one variant. */
const LISTS: ReadonlySet<string> = new Set(['accept', 'accept-language', 'accept-charset', 'prefer'])

/** The values by which Vary selects (RFC 9111 4.1), in the order of `names`. White space and the split into lines do not count; for the Accept fields
 *  case does not either. What the fields mean is not interpreted here: two values that differ in meaning never become one. */
export function selectingValues(names: readonly string[], requestLines: FieldLines): (string | undefined)[] {
  return names.map(name => {
    const value = fieldValue(requestLines, name)
    if (name === 'accept-encoding') return preferredCoding(value)
    if (value === undefined) return undefined
    const members = listMembers(value).map(member => member.replace(/[ \t]*([;=])[ \t]*/g, '$1').replace(/[ \t]+/g, ' '))
    return LISTS.has(name) ? members.map(member => member.toLowerCase()).join(',') : members.join(', ')
  })
}
