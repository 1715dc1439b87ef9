import { LARGE_BYTES } from 'holdfast/cache'
import { type CacheRule, type Judgement, readCost, shareOfLoading, size, span, whole } from './judgement.ts'

/** Fewer in a minute are exceptions, such as an export. */
const LEAST_COUNT = 10

/** Values too large for memory, or so large that Redis keeps others waiting while it sends one. */
export const tooLarge: CacheRule = view => {
  return [...view.minute.traffic.prefixes].flatMap(([subject, traffic]): Judgement[] => {
    const rule = 'cache/too-large'
    const { refused, largeFills, fills, filledBytes, largestBytes, largestKey, redisHits } = traffic
    if (fills + refused < LEAST_COUNT) return []
    const reads = readCost(traffic, view)
    const why = `${whole(refused)} entries refused by memory, ${whole(largeFills)} of ${whole(fills)} values over ${size(LARGE_BYTES)}`
    if (refused < LEAST_COUNT && largeFills < LEAST_COUNT) return [{ rule, subject, is: 'good', reads, why }]
    const perSec = reads.windowMs / 1000
    return [
      {
        ...({ rule, subject, is: 'bad', reads, why } as const),
        title:
          refused >= LEAST_COUNT
            ? `${subject}:* is too large for memory: ${whole(refused)} entries refused in ${span(reads.windowMs)}, so Redis sends each one again`
            : `${subject}:* stores ${whole(largeFills)} values over ${size(LARGE_BYTES)} in ${span(reads.windowMs)}`,
        savesMsPerSec: (redisHits * view.redisReadMs) / perSec,
        shareOfTime: shareOfLoading(traffic, view),
        figures: [
          { name: 'Refused by memory', value: `${whole(refused)} in ${span(reads.windowMs)}` },
          { name: `Over ${size(LARGE_BYTES)}`, value: `${whole(largeFills)} of n ${whole(fills)} stored` },
          { name: 'Mean size', value: fills === 0 ? 'none stored' : `about ${size(filledBytes / fills)}` },
          { name: 'Largest', value: `about ${size(largestBytes)}, ${largestKey}` },
          { name: 'Read from Redis', value: `${whole(redisHits)} × ${view.redisReadMs.toFixed(1)} ms` },
        ],
        recommendation: {
          summary: `store less of it: page the list, leave out columns nobody reads, or one key for each row; or raise l1.maxBytes, of which one entry may take an eighth`,
          option: { name: 'l1.maxBytes', from: 'as it is', to: `'${Math.ceil((largestBytes * 8) / 1_000_000)}mb' or more for the largest to fit` },
          costNote: 'smaller values need a change of the code that reads them; a larger memory tier costs every process that much',
          risk: 'medium' as const,
        },
      },
    ]
  })
}
