import { readFile } from 'node:fs/promises'
import { cacheLife, cacheTag } from 'next/cache'

/** A fund of the database, which is a file here, and a number that tells one call from the next. */
export async function fund(id) {
  'use cache'
  cacheTag(`fund:${id}`)
  cacheLife('days')
  const units = process.env.FUNDS === undefined ? 0 : JSON.parse(await readFile(process.env.FUNDS, 'utf8'))[id]
  return { units, call: Math.random() }
}
