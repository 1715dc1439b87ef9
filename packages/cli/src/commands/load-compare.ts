import { readFile } from 'node:fs/promises'
import { compareRuns, type LoadResult, renderComparison } from '@holdfast/load'
import type { CommandContext } from '../command-line.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'

/** `holdfast load compare <before> <after>`: exits 1 when the second run is slower beyond the noise, or cannot be compared. */
export async function loadCompare(options: { before: string; after: string }, context: CommandContext): Promise<number> {
  const comparison = compareRuns(await read(options.before), await read(options.after))
  if (context.json) context.terminal.json(comparison)
  else context.terminal.data(renderComparison(comparison))
  return comparison.verdict === 'slower' || comparison.verdict === 'invalid' ? exitCode.objectiveBroken : exitCode.ok
}

async function read(path: string): Promise<LoadResult> {
  let value: Partial<LoadResult>
  try {
    value = JSON.parse(await readFile(path, 'utf8')) as Partial<LoadResult>
  } catch (error) {
    throw cliErrors.create('HF_CLI_FILE_UNREADABLE', `${path}: ${(error as Error).message}`, { cause: error })
  }
  if (value.schema === 'holdfast.load/1') return value as LoadResult
  throw cliErrors.create(
    'HF_CLI_FILE_UNREADABLE',
    `${path} is not a saved load run: its schema is ${JSON.stringify(value.schema)}, not "holdfast.load/1"`,
    {
      hint: 'save one with `holdfast load run <scenario> --out run.json`',
    },
  )
}
