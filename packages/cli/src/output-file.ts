import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { HoldfastError } from 'holdfast/core'
import { cliErrors } from './errors.ts'

/** Asked before the work whose result goes there, because afterwards the work is lost. `flag` is the option that names the file.
 *  @throws HF_CLI_FILE_UNWRITABLE */
export async function assertWritable(file: string, flag: string): Promise<void> {
  try {
    const found = await stat(file).catch(() => undefined)
    if (found?.isDirectory()) throw new Error('it is a folder')
    await access(found === undefined ? dirname(file) : file, constants.W_OK)
  } catch (error) {
    throw unwritable(file, flag, error)
  }
}

/** The error of a file that cannot be written. */
export function unwritable(file: string, flag: string, error: unknown): HoldfastError {
  return cliErrors.create('HF_CLI_FILE_UNWRITABLE', `cannot write ${file}: ${(error as Error).message}`, {
    cause: error,
    hint: `choose another place with ${flag}`,
  })
}
