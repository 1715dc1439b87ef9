import { ifRangeHolds } from './conditions.ts'
import type { EngineRequest } from './engine-contract.ts'
import { rangeWithin } from './part.ts'
import { TRAIT } from './request-traits.ts'
import type { StoredVariants } from './response-store.ts'
import type { StoredResponse } from './stored-response.ts'
import { isSameSelection, selects } from './variants.ts'

/** Parts that are kept of one URL. They take no more bytes together than one body may have, because they are read and written as one entry. */
const PART_LIMIT = 8

/** The newest stored part in which is all that the request asks for. */
export function selectPart(variants: StoredVariants, { method, traits, lines }: EngineRequest, nowMs: number): StoredResponse | undefined {
  if (method !== 'GET' || (traits & TRAIT.conditional) !== TRAIT.range) return undefined
  return variants.responses.find(
    stored =>
      stored.part !== undefined &&
      rangeWithin(stored.part, lines) !== undefined &&
      selects(stored, lines) &&
      ifRangeHolds(lines, stored, stored.etag, nowMs),
  )
}

/** Why nothing stored answers the request (RFC 9211 2.2). */
export function whyMissed(variants: StoredVariants | undefined): 'uri-miss' | 'vary-miss' | 'partial' {
  if (variants === undefined) return 'uri-miss'
  return variants.responses.every(({ part }) => part !== undefined) ? 'partial' : 'vary-miss'
}

/** The variants that remain beside one that is about to be stored; `undefined` when that one has nothing to add. */
export function besides(stored: StoredResponse, others: readonly StoredResponse[], limitBytes: number): StoredResponse[] | undefined {
  const { part } = stored
  if (part === undefined) return others.filter(other => !isSameSelection(other, stored))
  if (others.some(other => other.part === undefined && isSameSelection(other, stored))) return undefined
  let [left, bytes] = [PART_LIMIT - 1, limitBytes - stored.body.byteLength]
  return others.filter(other => {
    if (other.part === undefined) return true
    // Parts of another version of it, and what the new one holds too.
    const isOld = isSameSelection(other, stored) && (other.etag !== stored.etag || other.part.sizeBytes !== part.sizeBytes)
    const isWithin = isSameSelection(other, stored) && other.part.first >= part.first && other.part.last <= part.last
    if (isOld || isWithin || left === 0 || other.body.byteLength > bytes) return false
    left--
    bytes -= other.body.byteLength
    return true
  })
}
