import { coreErrors } from './errors.ts'

type SizeUnit = 'b' | 'kb' | 'mb' | 'gb'

/** A size as users write it: `'512kb'`, `'64mb'`. One kb is 1,024 bytes, as in Redis. */
export type Size = `${number}${SizeUnit}`

const BYTES_PER_UNIT: Readonly<Record<SizeUnit, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }
const SIZE = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i

/** Bytes of a size, rounded to whole bytes.
 *  @throws HF_CONFIG_SIZE when the text is not a non-negative number with a unit. */
export function parseSizeBytes(text: Size | (string & {})): number {
  const match = SIZE.exec(String(text))
  if (match === null) {
    throw coreErrors.create('HF_CONFIG_SIZE', `${JSON.stringify(text)} is not a size`, { context: { value: text } })
  }
  return Math.round(Number(match[1]) * BYTES_PER_UNIT[match[2]!.toLowerCase() as SizeUnit])
}
