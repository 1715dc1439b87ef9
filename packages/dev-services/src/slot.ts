import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isOpenToOthers } from './cache-folder.ts'
import { DevServicesError } from './errors.ts'
import type { Account } from './launcher.ts'
import { type Lock, takeLock } from './lock.ts'

/** Concurrent runs over one base folder. Each has data of its own (40 MB and up). */
const MAX_SLOTS = 16

/** A numbered folder that no other live run uses. */
export interface Slot {
  readonly folder: string
  readonly lock: Lock
}

/** Claims the lowest free slot below `base`, so that the next run finds the data of the last one.
 *  @throws HF_PG_START_FAILED when all 16 are in use, or when the account that the services run as cannot reach them. */
export async function claimSlot(base: string, serviceAccount?: Account): Promise<Slot> {
  mkdirSync(base, { recursive: true })
  if (serviceAccount !== undefined && !isOpenToOthers(base)) {
    throw new DevServicesError('HF_PG_START_FAILED', `as root the services run as uid ${serviceAccount.uid}, which may not enter ${base}`, {
      hint: 'choose a data folder that others may enter (mode 711 on it and on every folder above), such as one below /var/cache',
    })
  }
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
