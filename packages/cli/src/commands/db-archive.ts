import type { Duration } from 'holdfast/core'
import { type Archive, type ArchivePolicy, type ArchivePreview, type ArchiveReport, type ArchiveRunSummary, createArchive } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { openConnections } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { formatCount, formatMs, formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

/** Options of `holdfast db archive`. */
export interface DbArchiveOptions {
  /** Absent: runs are listed. */
  readonly table?: string
  readonly action: ArchivePolicy['action']
  readonly olderThan?: string
  /** Column that the age is read from. */
  readonly by?: string
  readonly where?: string
  readonly into?: string
  readonly name?: string
  readonly maxLockTime?: string
  readonly dryRun?: boolean
  readonly skipReferenced?: boolean
  readonly allowEverything?: boolean
}

/** `holdfast db archive [table]`: the runs so far, or one run of a policy that the flags describe. The same flags go on with a run that did not end.
 *  @throws HF_CLI_USAGE, HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE, and what `archive.run` throws */
export async function dbArchive(options: DbArchiveOptions, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const policy = options.table === undefined ? undefined : policyOf(options, options.table)
  const archive = createArchive({
    connect: await openConnections(context),
    policies: policy === undefined ? [] : [policy],
    ...(options.maxLockTime === undefined ? {} : { maxLockTime: options.maxLockTime as Duration }),
  })
  if (policy === undefined) return listRuns(archive, context)
  const preview = await archive.preview(policy.name)
  if (options.dryRun) {
    if (json) terminal.json({ schema: 'holdfast.archive-preview/1', ...preview })
    else terminal.data(`would ${previewLine(preview)}`)
    return exitCode.ok
  }
  // What is refused anyway need not be confirmed.
  if (!preview.isEverything || options.allowEverything) await confirm(context, previewLine(preview), preview.table)
  const report = await runWithProgress(archive, policy.name, context)
  if (json) terminal.json({ schema: 'holdfast.archive/1', ...report })
  else for (const line of reportLines(report)) terminal.data(line)
  return exitCode.ok
}

function policyOf(options: DbArchiveOptions, table: string): ArchivePolicy {
  const { action, olderThan, by, where, into, skipReferenced, allowEverything } = options
  if ((olderThan === undefined) !== (by === undefined)) throw cliErrors.create('HF_CLI_USAGE', '--older-than and --by go together')
  if (olderThan === undefined && where === undefined) throw cliErrors.create('HF_CLI_USAGE', 'which rows? give --older-than with --by, or --where')
  return {
    name: options.name ?? `${action}-${table.toLowerCase().replace(/[^a-z0-9_.]/g, '-')}`.slice(0, 60),
    table,
    action,
    ...(olderThan === undefined || by === undefined ? {} : { olderThan: { column: by, age: olderThan as Duration } }),
    ...(where === undefined ? {} : { where }),
    ...(into === undefined ? {} : { into }),
    ...(skipReferenced ? { referenced: 'skip' as const } : {}),
    ...(allowEverything ? { allowEverything } : {}),
  }
}

/** How often a line of progress is written. */
const PROGRESS_EVERY_MS = 1000

async function runWithProgress(archive: Archive, policy: string, { terminal, signal }: CommandContext): Promise<ArchiveReport> {
  let saidAtMs = Number.NEGATIVE_INFINITY
  return archive.run(policy, {
    signal,
    onProgress: ({ line, phase, estimatedRows }) => {
      const nowMs = performance.now()
      if (phase === 'rows' && nowMs - saidAtMs < PROGRESS_EVERY_MS) return
      saidAtMs = nowMs
      terminal.say(terminal.paint('dim', `  ${line}${estimatedRows > 0 ? `, of about ${formatCount(estimatedRows)}` : ''}`))
    },
  })
}

async function listRuns(archive: Archive, { terminal, json }: CommandContext): Promise<number> {
  const runs = await archive.runs()
  if (json) terminal.json({ schema: 'holdfast.archive-runs/1', runs })
  else if (runs.length === 0) terminal.say('no archive runs so far: holdfast db archive <table> --older-than 90d --by created_at')
  else terminal.data(textTable(['policy', 'began', 'state', 'rows', 'batches', 'took'], runs.map(runCells), 3).join('\n'))
  return exitCode.ok
}

function runCells({ policy, startedAtMs, updatedAtMs, finishedAtMs, outcome, rowCount, batchCount }: ArchiveRunSummary): string[] {
  const began = new Date(startedAtMs).toISOString().slice(0, 19)
  const took = formatSpan((finishedAtMs ?? updatedAtMs) - startedAtMs)
  return [policy, began, outcome ?? 'not over', formatCount(rowCount), formatCount(batchCount), took]
}

function previewLine({ action, table, into, matchCount, tableCount, isEstimate, partitions, isEverything }: ArchivePreview): string {
  const about = isEstimate ? 'about ' : ''
  const how = partitions.length === 0 ? '' : `, by ${action === 'delete' ? 'dropping' : 'detaching'} ${partitions.join(', ')}`
  const all = isEverything ? '; that is all of them' : ''
  return `${action} ${about}${formatCount(matchCount)} of ${formatCount(tableCount)} rows of ${table}${into === undefined ? '' : ` into ${into}`}${how}${all}`
}

const DONE = { move: 'moved', copy: 'copied', delete: 'deleted' } as const

function reportLines({
  action,
  table,
  into,
  rowCount,
  batchCount,
  partitions,
  leftCount,
  isResumed,
  tookMs,
  longestBatchMs,
  notes,
}: ArchiveReport): string[] {
  const what = `✓ ${DONE[action]} ${formatCount(rowCount)} rows of ${table}${into === undefined ? '' : ` into ${into}`} in ${formatSpan(tookMs)}`
  const how =
    partitions.length > 0
      ? `  partitions: ${partitions.join(', ')}`
      : `  ${formatCount(batchCount)} batches, none longer than ${formatMs(longestBatchMs)}`
  return [
    what,
    how,
    ...(isResumed ? ['  an earlier run that had not ended is included'] : []),
    ...(leftCount > 0 ? [`  ${formatCount(leftCount)} rows were in use and are left for the next run`] : []),
    ...notes.map(note => `  note: ${note}`),
  ]
}
