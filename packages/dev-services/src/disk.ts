import { statfs } from 'node:fs/promises'
import { DevServicesError } from './errors.ts'

/** Least free space before a data folder is made, in bytes: a new PostgreSQL 18 takes 40 MB and may keep 80 MB of write-ahead log;
 *  the rest is for the data. */
export const MIN_FREE_BYTES: number = 300 * 1024 * 1024

/** Tells how many bytes an ordinary account may still write at `path`. */
export type FreeBytes = (path: string) => Promise<number>

/** The real answer, by statfs(2). */
export const freeBytes: FreeBytes = async path => {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** Refuses before anything is written.
 *  @throws HF_CLI_DISK_FULL when less than `MIN_FREE_BYTES` are free at `path`. */
export async function requireFreeDisk(path: string, measure: FreeBytes = freeBytes): Promise<void> {
  const free = await measure(path)
  if (free >= MIN_FREE_BYTES) return
  const inMb = (bytes: number): number => Math.floor(bytes / 1024 / 1024)
  throw new DevServicesError('HF_CLI_DISK_FULL', `${inMb(free)} MB are free at ${path}, ${inMb(MIN_FREE_BYTES)} MB are needed`, {
    context: { path, freeBytes: free, neededBytes: MIN_FREE_BYTES },
  })
}

/** The coded error when a failure, or what a child printed, means that the disk is full; otherwise undefined. */
export function diskFullError(failure: unknown, path: string): DevServicesError | undefined {
  const code = (failure as NodeJS.ErrnoException | undefined)?.code
  const text = failure instanceof Error ? failure.message : String(failure)
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && !/No space left on device|Disk quota exceeded|ENOSPC/.test(text)) return undefined
  return new DevServicesError('HF_CLI_DISK_FULL', `the disk is full at ${path}`, { cause: failure, context: { path } })
}
