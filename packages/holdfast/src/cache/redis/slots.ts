/** Slots of every Redis Cluster. @source Redis cluster specification, "Key distribution model" */
export const SLOT_COUNT = 16_384

/** CRC-16/XMODEM, as the specification's appendix A. */
const TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  return crc
})

/** The slot of a Redis key: of what stands between its first `{` and the next `}`, when that is not empty, else of the whole. O(length). */
export function slotOf(redisKey: string): number {
  const open = redisKey.indexOf('{')
  const close = open < 0 ? -1 : redisKey.indexOf('}', open + 1)
  const hashed = close > open + 1 ? redisKey.slice(open + 1, close) : redisKey
  let crc = 0
  for (let i = 0; i < hashed.length; i++) {
    const code = hashed.charCodeAt(i)
    if (code > 0x7f) return slotOfBytes(Buffer.from(hashed))
    crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ code]!
  }
  return crc % SLOT_COUNT
}

function slotOfBytes(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ byte]!
  return crc % SLOT_COUNT
}
