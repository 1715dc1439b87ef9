/** A source of numbers in [0, 1). */
export type Random = () => number

/** A seeded source: the same seed and stream give the same numbers on every machine. Streams of one seed are independent,
 *  so a further placeholder in the flow does not move the arrivals. Not for secrets. @source sfc32, PractRand 0.94 */
export function createRandom(seed: number, stream = 0): Random {
  let a = seed | 0
  let b = Math.floor(seed / 4294967296) | 0
  let c = stream | 0
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 4294967296
  }
  // Seeds differ in a few bits only; the generator needs about a dozen rounds to spread them.
  for (let i = 0; i < 15; i++) next()
  return next
}
