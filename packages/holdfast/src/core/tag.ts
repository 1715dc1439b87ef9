/** Most tags of one entry or answer. */
export const MAX_TAGS = 64
const MAX_TAG_BYTES = 255

/** True for what may be a tag: text of 1 to 255 bytes in UTF-8. O(1) for all but the longest. */
export function isTag(tag: unknown): tag is string {
  if (typeof tag !== 'string' || tag.length === 0 || tag.length > MAX_TAG_BYTES) return false
  // A unit of UTF-16 takes three bytes at most.
  return tag.length * 3 <= MAX_TAG_BYTES || new TextEncoder().encode(tag).byteLength <= MAX_TAG_BYTES
}
