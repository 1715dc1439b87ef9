import { preferredCoding } from '../content-coding/coding.ts'
import { type FieldLines, fieldValue, listMembers } from '../fields/fields.ts'

/** Request fields whose case does not matter, so that spellings of one wish are one variant. */
const WITHOUT_CASE: ReadonlySet<string> = new Set(['accept', 'accept-language', 'accept-charset', 'prefer'])
/** Of these, those whose members are ordered by weight (RFC 9110 12.4.2) and not by place. */
const WEIGHTED: ReadonlySet<string> = new Set(['accept', 'accept-language', 'accept-charset'])
const WEIGHT = /;q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** The values by which Vary selects (RFC 9111 4.1), in the order of `names`. White space and the split into lines do not count; for the Accept fields case
 *  and the place of members of different weight do not either. Members of one weight keep their order, because servers go by it. Two values that differ in
 *  meaning never become one. */
export function selectingValues(names: readonly string[], requestLines: FieldLines): (string | undefined)[] {
  return names.map(name => {
    const value = fieldValue(requestLines, name)
    if (name === 'accept-encoding') return preferredCoding(value)
    if (value === undefined) return undefined
    const members = listMembers(value).map(member => member.replace(/[ \t]*([;=])[ \t]*/g, '$1').replace(/[ \t]+/g, ' '))
    if (!WITHOUT_CASE.has(name)) return members.join(', ')
    const lowerCase = members.map(member => member.toLowerCase())
    return (WEIGHTED.has(name) ? byWeight(lowerCase) : lowerCase).join(',')
  })
}

/** Heaviest first, each weight written in one way. */
function byWeight(members: readonly string[]): readonly string[] {
  // Extensions may follow a weight (RFC 9110 12.4.2 has none, RFC 7231 had); then nothing is moved.
  if (members.some(member => member.replace(WEIGHT, '').includes(';q='))) return members
  return members
    .map(member => {
      const weight = Number(WEIGHT.exec(member)?.[1] ?? 1)
      const bare = member.replace(WEIGHT, '')
      return { weight, text: weight === 1 ? bare : `${bare};q=${weight}` }
    })
    .sort((a, b) => b.weight - a.weight)
    .map(({ text }) => text)
}
