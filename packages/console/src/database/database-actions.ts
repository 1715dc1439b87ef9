import type { Clock, Logger } from 'holdfast/core'
import {
  type AdvisorClient,
  type AnalyzeRequest,
  type Archive,
  type ArchivePolicy,
  analyzeStatement,
  createArchive,
  type StatementAnalysis,
  type VacuumReport,
  vacuumTable,
} from 'holdfast/postgres'
import type { ConsoleEvent } from '../api/contract.ts'
import type { ArchiveRequest, DatabaseArchiveAnswer, DatabaseArchivesAnswer } from '../api/database-contract.ts'
import type { Role } from '../auth/console-auth.ts'
import { consoleErrors } from '../errors.ts'
import { oneAtATime } from '../one-at-a-time.ts'

/** What can be done with the database from here. Every method rejects with HF_CONSOLE_NO_DATABASE when the console was given none. */
export interface DatabaseActions {
  /** One statement's plan, and what would help. @throws HF_CONSOLE_BUSY, and what `analyzeStatement` throws */
  analyze(request: AnalyzeRequest): Promise<StatementAnalysis>
  /** VACUUM (ANALYZE) of one table. Resolves at its end; a caller that leaves does not stop it.
   *  @throws HF_CONSOLE_BUSY, HF_CONSOLE_CONFIRMATION, and what `vacuumTable` throws */
  optimize(table: string, confirmation: unknown, role: Role): Promise<VacuumReport>
  /** What whoever optimizes must type; null in development. */
  confirmationOf(table: string): string | null
  /** Runs one of the policies that the console was given, or counts what it would take. Resolves at the end, which may be hours away; a caller that leaves
   *  does not stop it. @throws HF_CONSOLE_BUSY, HF_CONSOLE_CONFIRMATION, and what the archive throws */
  archive(request: ArchiveRequest, role: Role): Promise<DatabaseArchiveAnswer>
  /** The policies, and the runs so far. */
  archives(): Promise<DatabaseArchivesAnswer>
}

/** What it works with. */
export interface DatabaseActionsDeps {
  readonly connect: (() => Promise<AdvisorClient>) | undefined
  readonly policies: readonly ArchivePolicy[]
  /** Whether a run wants the policy's name typed. */
  readonly needsConfirmation: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly publishEvent: (event: ConsoleEvent) => void
  /** The database is not what it was. */
  readonly onChanged: () => void
}

/** Actions over `connect`, if there is one. @throws HF_CONFIG_INVALID when a policy is not right */
export function createDatabaseActions(deps: DatabaseActionsDeps): DatabaseActions {
  const { connect, policies, clock, logger, publishEvent, onChanged } = deps
  const archive = connect === undefined ? undefined : createArchive({ connect, policies, clock, logger })
  const analysis = oneAtATime()
  const archiving = oneAtATime()
  const vacuuming = oneAtATime()
  const confirmationOf = (what: string): string | null => (deps.needsConfirmation ? what : null)
  /** @throws HF_CONSOLE_CONFIRMATION */
  const requireConfirmation = (what: string, given: unknown): void => {
    if (confirmationOf(what) === null || given === what) return
    throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to run it, confirm with the text ${what}`, { hint: 'send that text as `confirmation`' })
  }

  return {
    async analyze(request) {
      const known = orNoDatabase(connect)
      return analysis('an analysis', () => analyzeStatement({ connect: known, clock }, request))
    },
    confirmationOf,
    async optimize(table, confirmation, role) {
      const known = orNoDatabase(connect)
      requireConfirmation(table, confirmation)
      return vacuuming('the vacuum of a table', async () => {
        logger.info({ audit: 'vacuum', role, table }, `the console vacuums ${table}`)
        const report = await vacuumTable({ connect: known, table, clock, logger })
        onChanged()
        publishEvent({ atMs: clock.nowMs(), kind: 'vacuum', text: `vacuumed and analyzed ${report.table}` })
        return report
      })
    },
    async archive({ policy, dryRun, confirmation }, role) {
      const known = orNoDatabase(archive)
      if (dryRun) return { schema: 'holdfast.database-archive/1', preview: await known.preview(policy), report: null }
      requireConfirmation(policy, confirmation)
      return archiving(`the archive policy ${policy}`, async () => {
        logger.info({ audit: 'archive', role, policy }, `the console runs the archive policy ${policy}`)
        const report = await known.run(policy)
        onChanged()
        publishEvent({ atMs: clock.nowMs(), kind: 'archive', text: `archive policy ${policy}: ${report.rowCount} rows` })
        return { schema: 'holdfast.database-archive/1', preview: null, report }
      })
    },
    archives: async () => ({
      schema: 'holdfast.database-archives/1',
      policies: policies.map(describePolicy),
      runs: await runsOf(orNoDatabase(archive)),
    }),
  }
}

async function runsOf(archive: Archive): Promise<DatabaseArchivesAnswer['runs']> {
  return archive.runs()
}

function describePolicy({ name, table, action, into }: ArchivePolicy): DatabaseArchivesAnswer['policies'][number] {
  return { name, table, action, into: into ?? null }
}

function orNoDatabase<T>(known: T | undefined): T {
  if (known === undefined) throw consoleErrors.create('HF_CONSOLE_NO_DATABASE', 'this console reads its instances only')
  return known
}
