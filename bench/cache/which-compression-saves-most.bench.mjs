// What one megabyte less in Redis costs: lists of leads as msgpack, 4 kB to 1 MB, each compressed once and expanded ten times. The claim: Brotli 1 costs
// less than deflate 1. HOLDFAST_SHOW=1 prints ratio and cost by size, from which the threshold was chosen.
import { brotliCompressSync, brotliDecompressSync, constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { Packr } from 'msgpackr'
import { bench } from '../harness.mjs'

const packr = new Packr({ moreTypes: true, useBigIntExtension: true, copyBuffers: true, mapsAsObjects: true })
const READS = 10

let seed = 7
const random = () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}
const pick = values => values[Math.floor(random() * values.length)]
const hex = length => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('')
const lead = i => ({
  id: `${hex(8)}-${hex(4)}-${hex(12)}`,
  status: pick(['new', 'assigned', 'sold', 'rejected']),
  insuranceType: pick(['auto', 'home', 'life', 'health']),
  qualityScore: Math.round(random() * 100),
  zipCode: String(10_000 + Math.floor(random() * 89_999)),
  source: pick(['web', 'partner', 'phone', 'mail']),
  createdAt: `2026-0${1 + (i % 9)}-1${i % 9}T0${i % 9}:12:${10 + (i % 50)}.000Z`,
  agent: `Agent ${Math.floor(random() * 500)}`,
  note: random() < 0.3 ? 'called twice, wants a quote for two cars and a bike' : null,
})
const bodyOf = count => packr.pack(Array.from({ length: count }, (_, i) => lead(i)))
const bodies = [40, 120, 1000, 8000].map(bodyOf)

const brotli = quality => ({
  compress: body =>
    brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
  expand: bytes => brotliDecompressSync(bytes),
})
const deflate = level => ({ compress: body => deflateRawSync(body, { level }), expand: bytes => inflateRawSync(bytes) })
const codecs = {
  'deflate 1': deflate(1),
  'deflate 3': deflate(3),
  'deflate 6': deflate(6),
  'brotli 0': brotli(0),
  'brotli 1': brotli(1),
  'brotli 4': brotli(4),
}

/** Processor time for so much work on `body` that a megabyte goes through, and what was saved of it. */
function measure({ compress, expand }, body) {
  const repeats = Math.ceil(1e6 / body.length)
  const before = process.cpuUsage()
  let saved = 0
  for (let i = 0; i < repeats; i++) {
    const bytes = compress(body)
    saved += body.length - bytes.length
    for (let read = 0; read < READS; read++) expand(bytes)
  }
  const { user, system } = process.cpuUsage(before)
  return { ms: (user + system) / 1000, saved }
}

if (process.env.HOLDFAST_SHOW === '1') {
  for (const [name, codec] of Object.entries(codecs)) {
    for (const count of [5, 10, 20, 40, 120, 1000, 8000]) {
      const body = bodyOf(count)
      const { ms, saved } = measure(codec, body)
      const share = saved / (Math.ceil(1e6 / body.length) * body.length)
      console.log(`${name}  ${body.length} bytes: ${(100 * share).toFixed(0)} % smaller, ${(ms / 11).toFixed(1)} ms of processor time each MB`)
    }
  }
} else {
  await bench({
    url: import.meta.url,
    unit: 'ms of processor time for each MB saved, written once and read ten times',
    baseline: 'deflate 1',
    candidates: Object.fromEntries(
      Object.entries(codecs).map(([name, codec]) => [
        name,
        {
          check: () => {
            for (const body of bodies) {
              const bytes = codec.compress(body)
              if (!codec.expand(bytes).equals(body)) throw new Error('not the same after expanding')
              if (bytes.length > body.length * 0.6) throw new Error('saves less than 40 %')
            }
          },
          run: () => {
            for (const body of bodies) measure(codec, body)
            const all = bodies.map(body => measure(codec, body))
            return (1e6 * all.reduce((sum, { ms }) => sum + ms, 0)) / all.reduce((sum, { saved }) => sum + saved, 0)
          },
        },
      ]),
    ),
    claims: [{ candidate: 'brotli 1', atMost: 1.05, why: 'saves no less for the processor time than deflate' }],
  })
}
