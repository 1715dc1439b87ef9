import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DevServicesError } from './errors.ts'
import { type Lock, takeLock } from './lock.ts'

/** Concurrent runs over one base folder. Each has data of its own (40 MB and up). */
const MAX_SLOTS = 16

/** A numbered folder that no other live run uses. */
export interface Slot {
  readonly folder: string
  readonly lock: Lock
}

/** Claims the lowest free slot below `base`, so that the next run finds the data of the last one.
 *  @throws HF_PG_START_FAILED when all 16 are in use. */
export async function claimSlot(base: string): Promise<Slot> {
  mkdirSync(base, { recursive: true })
  for (let number = 0; number < MAX_SLOTS; number++) {
    const folder = join(base, String(number))
    mkdirSync(folder, { recursive: true })
    // The service account passes through; what is secret inside has modes of its own.
    chmodSync(folder, 0o711)
    const lock = await takeLock(join(folder, 'lock'))
    if (lock !== undefined) return { folder, lock }
  }
  throw new DevServicesError('HF_PG_START_FAILED', `all ${MAX_SLOTS} data folders below ${base} are in use by other runs`, {
    hint: 'stop another run, or set XDG_CACHE_HOME to a folder of its own',
  })
}
