import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type MigrationFormat, migrationFiles, systemClock } from 'holdfast/core'
import type { CommandContext } from '../command-line.ts'
import { openAdvisor } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { unwritable } from '../output-file.ts'

interface MigrationOptions {
  readonly id: string
  readonly format: MigrationFormat
  readonly out?: string
}

/** `holdfast migration <id>`: the change as files for a migration tool. Reads the ledger and changes nothing in the database. */
export async function migration({ id, format, out }: MigrationOptions, context: CommandContext): Promise<number> {
  const { terminal } = context
  const finding = await (await openAdvisor(context)).finding(id)
  const files = migrationFiles(finding, format, systemClock.nowMs())
  if (files.length === 0) {
    throw cliErrors.create('HF_CLI_NO_MIGRATION', `${id} recommends a change that is no SQL: ${finding.recommendation.summary}`, {
      hint: `read \`holdfast explain ${id}\``,
    })
  }
  if (out !== undefined) for (const { path, text } of files) await write(join(out, path), text)
  if (context.json) terminal.json({ schema: 'holdfast.migration/1', id, format, files })
  else terminal.data(files.map(file => (out === undefined ? file.text.trimEnd() : join(out, file.path))).join('\n'))
  return exitCode.ok
}

/** @throws HF_CLI_FILE_UNWRITABLE also when the file is there: somebody may have changed it. */
async function write(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text, { flag: 'wx' })
  } catch (error) {
    throw unwritable(file, '--out', error)
  }
}
