import { createHash } from 'node:crypto'

/** One step of schema `holdfast`. What was released is never changed, for databases hold its checksum: a change is a further migration. */
export interface Migration {
  /** 1, 2, 3, ... without gaps. */
  readonly version: number
  /** What it adds, in a word or two. */
  readonly name: string
  /** What it makes or changes in the schema. When one of them is gone, the statements are run again. */
  readonly tables: readonly string[]
  /** Run in order, in one transaction with all other pending migrations. Tables are made IF NOT EXISTS, so that those which an older version made without a
   *  record are adopted with what they hold. */
  readonly statements: readonly string[]
}

/** What the database remembers of a migration: SHA-256 over its name and statements, in hexadecimal digits. */
export function checksumOf({ name, statements }: Migration): string {
  return createHash('sha256')
    .update(JSON.stringify([name, statements]))
    .digest('hex')
}
