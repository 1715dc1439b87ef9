import type { Candidate } from './candidates.ts'
import type { TableFacts } from './catalog.ts'
import { isPlain } from './index-definition.ts'

/** Names of the table's indexes whose keys begin those of the candidate: what they serve it serves as well. Never a unique or partial one. */
export function supersededBy(candidate: Candidate, table: TableFacts): string[] {
  if (!isPlain({ ...candidate, include: [] })) return []
  const shorter = table.indexes.filter(index => {
    if (index.isUnique || index.isPartial || !index.isValid || index.method !== 'btree' || index.keys.length >= candidate.keys.length) return false
    return index.keys.every(({ column, descending }, at) => candidate.keys[at]?.name === column && candidate.keys[at]?.descending === descending)
  })
  return shorter.map(index => index.name)
}

/** Whether the plain `shorter` begins `longer`, in whatever direction. */
export function extendsIndex(longer: Candidate, shorter: Candidate): boolean {
  const { keys, table } = shorter
  if (!isPlain(shorter) || longer.table !== table || longer.keys.length <= keys.length) return false
  return keys.every((key, at) => longer.keys[at]?.name === key.name && longer.keys[at]?.expression === undefined)
}
