import { promisify } from 'node:util'
import { brotliCompress, brotliCompressSync, brotliDecompress, brotliDecompressSync, constants } from 'node:zlib'

/** From this size on the work is given to a thread: here it would hold the event loop up for about a millisecond.
 *  @source bench/results/cache/which-compression-saves-most.json, 4 to 7 ms for each MB */
const THREAD_BYTES = 131_072
/** Largest size of a compressed value before compression, on both sides: a payload that claims or yields more is not read. Larger values are stored as they are. */
export const MAX_EXPANDED_BYTES = 67_108_864
/** What saves less than a tenth is stored as it is, and costs its readers nothing. */
const LEAST_SAVING = 0.1
/** Bytes before the compressed ones: the size they expand to, u32. */
const HEAD_BYTES = 4
/** Brotli 1: half of deflate 1 in processor time to compress, level with it over one write and ten reads, and as small within 3 %. zstd is not in Node 20.
 *  @source bench/results/cache/which-compression-saves-most.json */
const PARAMS: Record<number, number> = { [constants.BROTLI_PARAM_QUALITY]: 1 }

const compressOnThread = promisify(brotliCompress)
const expandOnThread = promisify(brotliDecompress)

/** The compressed form, or `undefined` when it is not worth it. At once for small bodies, else from a thread. */
export function compressBody(body: Buffer): Buffer | undefined | Promise<Buffer | undefined> {
  if (body.length > MAX_EXPANDED_BYTES) return undefined
  const options = { params: { ...PARAMS, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }
  if (body.length < THREAD_BYTES) return withHead(brotliCompressSync(body, options), body.length)
  return compressOnThread(body, options).then(compressed => withHead(compressed, body.length))
}

/** The body, which has exactly the size that was noted. @throws, or rejects, when it has not, or when the bytes are damaged. */
export function expandBody(bytes: Buffer): Buffer | Promise<Buffer> {
  const sizeBytes = bytes.readUInt32BE(0)
  if (sizeBytes > MAX_EXPANDED_BYTES) throw new RangeError(`expands to ${sizeBytes} bytes (limit ${MAX_EXPANDED_BYTES})`)
  const compressed = bytes.subarray(HEAD_BYTES)
  const options = { maxOutputLength: Math.max(1, sizeBytes) }
  if (sizeBytes < THREAD_BYTES) return sized(brotliDecompressSync(compressed, options), sizeBytes)
  return expandOnThread(compressed, options).then(body => sized(body, sizeBytes))
}

function withHead(compressed: Buffer, sizeBytes: number): Buffer | undefined {
  if (HEAD_BYTES + compressed.length > sizeBytes * (1 - LEAST_SAVING)) return undefined
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + compressed.length)
  bytes.writeUInt32BE(sizeBytes, 0)
  compressed.copy(bytes, HEAD_BYTES)
  return bytes
}

function sized(body: Buffer, sizeBytes: number): Buffer {
  if (body.length !== sizeBytes) throw new RangeError(`expands to ${body.length} bytes instead of ${sizeBytes}`)
  return body
}
