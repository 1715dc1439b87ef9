import { createHash } from 'node:crypto'

/** Two hashes for each id, from which a filter derives its bits (Kirsch and Mitzenmacher, 2006). */
export function hashIds(ids: readonly (string | number)[]): number[] {
  return ids.flatMap(id => {
    const digest = createHash('sha1').update(String(id)).digest()
    // Odd, so that no two bits of an id fall together in a filter of an even size.
    return [digest.readUInt32BE(0), (digest.readUInt32BE(4) | 1) >>> 0]
  })
}

/** Most bits of a filter: 128 MB, enough for 100 million ids at 1 %. */
const MAX_BITS = 2 ** 30

/** Bits of a filter, and bits for each id, for so many ids with so many false positives. @source Bloom, CACM 13 (1970) */
export function filterSize(ids: number, falsePositives: number): { bits: number; hashes: number } {
  const perId = -Math.log(falsePositives) / Math.LN2 ** 2
  const bits = Math.min(MAX_BITS, Math.max(1024, 2 * Math.ceil((ids * perId) / 2)))
  return { bits, hashes: Math.max(1, Math.round((bits / ids) * Math.LN2 > 20 ? 20 : perId * Math.LN2)) }
}
