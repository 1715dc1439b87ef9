import { type Command, Option } from 'commander'
import type { Run } from '../command-line.ts'

/** `holdfast db ...`: each subcommand is a file of its own, loaded when it is called. */
export function addDb(program: Command, run: Run): void {
  const db = program.command('db').description('the database in DATABASE_URL: facts about it, and its upkeep')
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
  addUpkeep(db, run)
}

function addUpkeep(db: Command, run: Run): void {
  db.command('archive [table]')
    .description('move, copy or delete old rows in short batches; without a table, the runs so far')
    .addOption(new Option('--action <what>', 'what becomes of the rows').choices(['move', 'copy', 'delete']).default('move'))
    .option('--older-than <duration>', 'age of the rows, for example 90d; with --by')
    .option('--by <column>', 'column that the age is read from')
    .option('--where <condition>', 'condition in SQL, instead of the age or besides')
    .option('--into <table>', 'archive table; default: the name with _archive')
    .option('--name <policy>', 'under which progress is kept; default: from action and table')
    .option('--max-lock-time <duration>', 'longest that a row may stay locked; default: 150ms')
    .option('--dry-run', 'count, and change nothing')
    .option('--skip-referenced', 'leave rows that other tables refer to')
    .option('--allow-everything', 'let the table end empty')
    .option('-y, --yes', 'do not ask')
    .action((table: string | undefined, options) => run(async () => (await import('./db-archive.ts')).dbArchive, { ...options, table }))
  db.command('schema')
    .description('print what Holdfast keeps in a database as SQL, for a role that may create it')
    .option('--role <name>', 'grant this role the use of it')
    .action(options => run(async () => (await import('./db-schema.ts')).dbSchema, options))
}
