// Whether indexes make a read slower: run with and without them by turns, in the same database, so that a slow moment of the machine falls on both.
import { seeded } from './arrangement.mjs'

const PAIRS = 15
/** A read is slower when it is so in the median of the pairs, by more than what the clock tells apart. */
const SLOWER_RATIO = 1.2
const SLOWER_MS = 0.05

/** Whether the read takes longer with the indexes `names` than without. Changes nothing: they are dropped in transactions that are rolled back. */
export async function isSlower(client, { text, binds }, names) {
  const random = seeded(7)
  const differences = []
  const ratios = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const values = binds(random)
    const sides = { with: 0, without: 0 }
    for (const side of pair % 2 === 0 ? ['with', 'without'] : ['without', 'with'])
      sides[side] = await timed(client, text, values, side === 'with' ? [] : names)
    differences.push(sides.with - sides.without)
    ratios.push(sides.with / sides.without)
  }
  return median(ratios) > SLOWER_RATIO && median(differences) > SLOWER_MS
}

async function timed(client, text, values, dropped) {
  await client.query('begin')
  try {
    if (dropped.length > 0) await client.query(`drop index ${dropped.map(name => `"${name}"`).join(', ')}`)
    let ms = 0
    // The first run plans anew and warms the caches.
    for (let run = 0; run < 2; run++) {
      const { rows } = await client.query(`explain (analyze, timing off, format json) ${text}`, values)
      ms = rows[0]['QUERY PLAN'][0]['Execution Time']
    }
    return ms
  } finally {
    await client.query('rollback')
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
