import type { Clock, Finding, Lifecycle, Logger } from 'holdfast/core'
import type { ConsoleEvent } from '../api/contract.ts'
import type { Collector } from '../collect/collector.ts'
import { consoleErrors } from '../errors.ts'
import type { TrafficStore } from '../store/traffic-store.ts'
import { createCacheFindings } from './cache/cache-findings.ts'
import { createCacheWatch } from './cache/cache-watch.ts'
import { rankFindings } from './finding-summary.ts'
import { createJobFindings } from './jobs/job-findings.ts'
import { createJobWatch } from './jobs/job-watch.ts'
import { createRepeatFindings } from './repeats/repeat-findings.ts'
import { createRepeatWatch } from './repeats/repeat-watch.ts'

/** What is found without the advisor: about the cache, about jobs, and about repeated statements. */
export interface OwnFindings {
  /** True for the ids of these findings. */
  isOwn(id: string): boolean
  findings(): readonly Finding[]
  /** @throws HF_CONSOLE_NOT_FOUND */
  finding(id: string): Finding
  /** Those about jobs alone, worst first. */
  ofJobs(): readonly Finding[]
  /** What looks for them. */
  readonly watches: readonly Lifecycle[]
}

/** What they are found in. */
export interface OwnFindingsDeps {
  readonly clock: Clock
  readonly store: TrafficStore
  /** Asked at each look: it is made later. */
  readonly collector: () => Collector
  readonly publishEvent: (event: ConsoleEvent) => void
  readonly logger: Logger
}

const OWN_ID = /^[CJN]-[0-9a-f]{6}$/

/** None yet. */
export function createOwnFindings({ collector, ...deps }: OwnFindingsDeps): OwnFindings {
  const cache = createCacheFindings()
  const repeats = createRepeatFindings()
  const jobs = createJobFindings()
  const books = [cache, repeats, jobs]
  return {
    isOwn: id => OWN_ID.test(id),
    findings: () => books.flatMap(book => book.findings()),
    finding(id) {
      const found = books.map(book => book.finding(id)).find(known => known !== undefined)
      if (found === undefined) throw consoleErrors.create('HF_CONSOLE_NOT_FOUND', `there is no finding ${id}`)
      return found
    },
    ofJobs: () => rankFindings(jobs.findings()),
    watches: [
      createCacheWatch({ ...deps, caches: () => collector().caches(), findings: cache }),
      createRepeatWatch({ ...deps, repeats: () => collector().repeats(), findings: repeats }),
      createJobWatch({ ...deps, jobs: () => collector().jobs(), findings: jobs }),
    ],
  }
}
