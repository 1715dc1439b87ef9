import { MAX_TAGS } from '../../core/portable.ts'
import type { StoredResponse } from './stored-response.ts'

/** The other variants for whose tags there is room: one entry holds all variants of a URL, and carries the tags of all. */
export function fitting(own: StoredResponse, others: readonly StoredResponse[]): { kept: readonly StoredResponse[]; inherited: readonly string[] } {
  const all = new Set(own.tags)
  const inherited = new Set<string>()
  const kept = others.filter(({ tags }) => {
    if (new Set([...all, ...tags]).size > MAX_TAGS) return false
    for (const tag of tags) {
      all.add(tag)
      inherited.add(tag)
    }
    return true
  })
  return { kept, inherited: [...inherited] }
}
