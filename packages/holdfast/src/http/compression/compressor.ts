import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import type { Counter, Registry } from '../../telemetry/index.ts'
import type { Coding } from '../content-coding/coding.ts'
import { encode } from '../content-coding/encode.ts'

/** Makes encoded bodies of answers that are not stored. */
export interface Compressor {
  /** A whole body in the coding; `undefined` when it is not smaller, failed, or too many are under way. Never rejects. */
  whole(bytes: Uint8Array, coding: Coding): Promise<Uint8Array | undefined>
  /** For a body that comes in pieces. `flushSoon` sends what was written so far, once for all that is written in one turn of the event loop. */
  stream(coding: Coding): { readonly transform: Transform; flushSoon(): void }
}

/** Whole bodies encoded at once; further ones go out as they are. zlib has four threads, and a queue behind them delays files and names too. */
const PENDING_LIMIT = 32

const { constants } = zlib

/** A compressor that counts into `registry`. */
export function createCompressor(registry: Registry): Compressor {
  const counters = new Map<string, Counter>()
  const family = registry.counter({
    name: 'holdfast_http_compressions',
    help: 'Bodies of answers that were compressed on their way, by what became of them.',
    labels: ['outcome'],
  })
  const count = (outcome: 'whole' | 'stream' | 'not_smaller' | 'busy' | 'failed'): void => {
    const counter = counters.get(outcome) ?? family.bind(outcome)
    counters.set(outcome, counter)
    counter.add()
  }
  let pendingCount = 0
  return {
    whole: async (bytes, coding) => {
      if (pendingCount >= PENDING_LIMIT) {
        count('busy')
        return undefined
      }
      pendingCount++
      try {
        const encoded = await encode(bytes, coding)
        const isSmaller = encoded.byteLength < bytes.byteLength
        count(isSmaller ? 'whole' : 'not_smaller')
        return isSmaller ? encoded : undefined
      } catch {
        count('failed')
        return undefined
      } finally {
        pendingCount--
      }
    },
    stream: coding => {
      count('stream')
      const transform = transformOf(coding)
      let isFlushing = false
      return {
        transform,
        flushSoon: () => {
          if (isFlushing) return
          isFlushing = true
          setImmediate(() => {
            isFlushing = false
            if (!transform.writableEnded && !transform.destroyed) transform.flush()
          })
        },
      }
    },
  }
}

type Flushable = Transform & { flush(): void }

/** As `encode`, in pieces. */
function transformOf(coding: Coding): Flushable {
  switch (coding) {
    case 'zstd': {
      const { createZstdCompress, constants: names } = zlib as unknown as WithZstd
      return createZstdCompress({ params: { [names.ZSTD_c_compressionLevel]: 3 } })
    }
    case 'br':
      return zlib.createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 }, flush: constants.BROTLI_OPERATION_PROCESS })
    case 'gzip':
      return zlib.createGzip({ level: 6 })
  }
}

/** The part of node's zlib since 22.15 used here, which the types of node 20 lack. */
interface WithZstd {
  readonly createZstdCompress: (options: object) => Flushable
  readonly constants: { readonly ZSTD_c_compressionLevel: number }
}
