import { countText, msText } from '../figure-text.ts'
import { quoteIdent } from '../identifier.ts'
import { manualChange, objectEvidence, type Rule } from './rule.ts'

/** Mean time of reading one block outside shared buffers, ms. A disk that turns takes 4 ms and more to get there; what answers in a quarter of that is flash,
 *  here or over a network, or the operating system's cache, and a random read costs it about what the next one costs. */
export const FAST_READ_MS = 1

/** Reads that a mean must rest on. */
export const LEAST_READS = 1000

/** Before, pg_stat_database counts each page that a table grows by as a read that took no time: 3,449 of 3,449 pages of a table that was filled.
 *  @source measured with the counters before and after CREATE TABLE AS on PostgreSQL 14.23, 15.18 (3,449 each), 16.14, 17.10 and 18.4 (0) */
const READS_COUNTED_ALONE_SINCE = 160_000

/** The default, made for disks that turn. @source PostgreSQL 18, random_page_cost: 4.0, and "solid-state drives might also be better modeled with 1.1" */
export const DISK_RATIO = 4

/** Rule `pg/random-page-cost`: the planner is told that a random read costs four times a sequential one, and the reads measured say otherwise. It then reads
 *  whole tables where an index would do. */
export const randomPageCost: Rule = {
  name: 'pg/random-page-cost',
  judge({ server }) {
    const { randomPageCost, seqPageCost, blocksRead, blockReadMs, database } = server
    if (randomPageCost / Math.max(seqPageCost, 1e-9) < DISK_RATIO) return { findings: [], unknown: [] }
    if (!server.trackIoTiming) {
      const why =
        'whether random_page_cost fits the disk: reads are not timed (a superuser can: ALTER SYSTEM SET track_io_timing = on; SELECT pg_reload_conf())'
      return { findings: [], unknown: [{ why }] }
    }
    if (server.version < READS_COUNTED_ALONE_SINCE) {
      const why = 'whether random_page_cost fits the disk: before PostgreSQL 16 the pages that tables grow by are counted as reads'
      return { findings: [], unknown: [{ why }] }
    }
    const meanMs = blocksRead > 0 ? blockReadMs / blocksRead : 0
    if (blocksRead < LEAST_READS || meanMs >= FAST_READ_MS) return { findings: [], unknown: [] }
    const figures = [
      { name: 'Read of a block, mean', value: `${msText(meanMs)}, n ${countText(blocksRead)}` },
      { name: 'random_page_cost', value: `${randomPageCost} (seq_page_cost ${seqPageCost})` },
    ]
    return {
      unknown: [],
      findings: [
        {
          subject: 'random_page_cost',
          title: `random_page_cost is ${randomPageCost}, but a block is read in ${msText(meanMs)}`,
          severity: 'info',
          evidence: objectEvidence('random_page_cost', figures, blocksRead),
          recommendation: manualChange({
            sql: [`ALTER DATABASE ${quoteIdent(database)} SET random_page_cost = 1.1`],
            summary:
              'tell the planner that random reads are cheap; try it in one session first (SET random_page_cost = 1.1) with the statements that matter',
            costNote: 'plans change for every statement of the database, most to index scans',
            lockNote: 'none; new sessions have it',
            risk: 'medium',
            confidence: 'medium',
            why: 'it changes the plans of every statement at once, and no copy of one table can show which become slower',
          }),
          change: { kind: 'manual' },
        },
      ],
    }
  },
}
