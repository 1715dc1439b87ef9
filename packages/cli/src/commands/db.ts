import type { Command } from 'commander'
import type { Run } from '../command-line.ts'

/** `holdfast db ...`: each subcommand is a file of its own, loaded when it is called. */
export function addDb(program: Command, run: Run): void {
  const db = program.command('db').description('facts about the database in DATABASE_URL')
  db.command('stats [table]')
    .description('tables by size with dead rows, HOT ratio, scans and upkeep; of one table its indexes too')
    .option('--limit <count>', 'tables shown, 1 to 1000', '50')
    .action((table: string | undefined, options) => run(async () => (await import('./db-stats.ts')).dbStats, { ...options, table }))
  db.command('size')
    .description('size of the database, its largest tables and how fast it grows')
    .option('--limit <count>', 'tables shown, 1 to 1000', '20')
    .action(options => run(async () => (await import('./db-size.ts')).dbSize, options))
  db.command('locks')
    .description('who waits for a lock, for how long, and who is in the way')
    .action(options => run(async () => (await import('./db-locks.ts')).dbLocks, options))
  db.command('pool')
    .description('connections of the server by application, against its limit')
    .action(options => run(async () => (await import('./db-pool.ts')).dbPool, options))
}
