import { chownSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Account } from '../launcher.ts'

/** What to copy from where to where. */
export interface BaseBackupRequest {
  /** Of a superuser of the running server. */
  readonly url: string
  readonly major: number
  /** The server's data folder, on this machine. */
  readonly from: string
  /** Replaced when it is there. */
  readonly to: string
  readonly serviceAccount: Account | undefined
}

/** Contents that a copy must not have, or that a server makes anew at its start. @source PostgreSQL 18, 25.3.4 "Making a Base Backup Using the Low Level API" */
const EMPTIED: ReadonlySet<string> = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
])
const LEFT_OUT: ReadonlySet<string> = new Set(['postmaster.pid', 'postmaster.opts', 'standby.signal', 'backup_label'])

/** Copies the data folder of a running server so that a replica can start on it: the same as pg_basebackup, which the embedded binaries lack. 1 connection; about
 *  0.3 s for 40 MB. The server must keep the WAL of that time (`wal_keep_size`). */
export async function takeBaseBackup(request: BaseBackupRequest): Promise<void> {
  const { url, major, from, to, serviceAccount } = request
  await rm(to, { recursive: true, force: true })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // The backup lasts as long as this session: start and stop must be on one connection.
    await client.query(major >= 15 ? `select pg_backup_start('replica', true)` : `select pg_start_backup('replica', true, false)`)
    await copyFolder(from, to, true)
    const { rows } = await client.query<{ labelfile: string }>(
      major >= 15 ? 'select labelfile from pg_backup_stop(false)' : 'select labelfile from pg_stop_backup(false, false)',
    )
    await mkdir(join(to, 'pg_wal', 'archive_status'), { recursive: true })
    await writeFile(join(to, 'backup_label'), rows[0]!.labelfile)
    await writeFile(join(to, 'standby.signal'), '')
  } finally {
    await client.end()
  }
  await chmod(to, 0o700)
  if (serviceAccount !== undefined) await handOver(to, serviceAccount)
}

async function copyFolder(from: string, to: string, isTop: boolean): Promise<void> {
  await mkdir(to, { mode: 0o700, recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const { name } = entry
    const [source, target] = [join(from, name), join(to, name)]
    if (entry.isDirectory()) {
      if (name.startsWith('pgsql_tmp') || (isTop && EMPTIED.has(name))) await mkdir(target, { mode: 0o700 })
      else await copyFolder(source, target, false)
    } else if (entry.isFile() && !(isTop && LEFT_OUT.has(name))) await copyFile(source, target).catch(ignoreGone)
  }
}

/** Files of a running server come and go; the WAL since the start of the backup makes up for it. */
function ignoreGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

async function handOver(folder: string, account: Account): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    chownSync(join(entry.parentPath, entry.name), account.uid, account.gid)
  }
  chownSync(folder, account.uid, account.gid)
}
