// What the reader of small and larger values costs beside msgpackr and JSON, each with the freezing that sharing needs. The bytes are slices of one larger
// buffer, made anew for each round, as a Redis client hands them over.
import { Packr } from 'msgpackr'
import { readFrozen } from '../../packages/holdfast/dist/cache/msgpack-reader.js'
import { bench } from '../harness.mjs'

const VALUES = 64
const ROUNDS = 2000
const OPTIONS = { moreTypes: true, useBigIntExtension: true, copyBuffers: true }
const keyed = new Packr({ ...OPTIONS, useRecords: false })
const records = new Packr({ ...OPTIONS, mapsAsObjects: true })
const fundOf = (i, calls = 5) => ({
  id: i,
  name: `Fund ${i}`,
  nav: i * 1.5,
  calls: Array.from({ length: calls }, (_, n) => ({ due: `2026-0${(n % 9) + 1}-01`, amount: n * 1000 })),
})

function freezeDeep(value) {
  if (typeof value !== 'object' || value === null) return value
  for (const key in value) freezeDeep(value[key])
  return Object.freeze(value)
}

function candidate(encode, decode, calls) {
  const slices = Array.from({ length: VALUES }, (_, i) => Buffer.from(encode(fundOf(i, calls))))
  const all = Buffer.concat(slices)
  const read = () => {
    let at = 0
    let last
    for (const { length } of slices) {
      last = decode(all.subarray(at, at + length))
      at += length
    }
    return last
  }
  return {
    check: () => {
      for (let i = 0; i < 10; i++) if (JSON.stringify(read()) !== JSON.stringify(fundOf(VALUES - 1, calls))) throw new Error('wrong value')
      if (!Object.isFrozen(read().calls[0])) throw new Error('not frozen')
    },
    run: () => {
      for (let i = 0; i < ROUNDS / 4; i++) read()
      const before = process.cpuUsage()
      for (let i = 0; i < ROUNDS; i++) read()
      const { user, system } = process.cpuUsage(before)
      return ((user + system) * 1000) / ROUNDS / VALUES
    },
  }
}

const json = bytes => freezeDeep(JSON.parse(bytes.latin1Slice()))
const ours = bytes => readFrozen(bytes, 0)

await bench({
  url: import.meta.url,
  unit: 'ns of processor time per value, frozen',
  baseline: 'msgpackr, small value',
  candidates: {
    'msgpackr, small value': candidate(
      value => keyed.pack(value),
      bytes => freezeDeep(records.unpack(bytes)),
    ),
    'JSON.parse, small value': candidate(value => JSON.stringify(value), json),
    'holdfast, small value': candidate(value => keyed.pack(value), ours),
    'msgpackr, 50 rows': candidate(
      value => records.pack(value),
      bytes => freezeDeep(records.unpack(bytes)),
      50,
    ),
    'JSON.parse, 50 rows': candidate(value => JSON.stringify(value), json, 50),
    'holdfast, 50 rows': candidate(value => records.pack(value), ours, 50),
  },
  claims: [{ candidate: 'holdfast, small value', atMost: 0.6, why: 'the reason to have a reader of our own' }],
})
