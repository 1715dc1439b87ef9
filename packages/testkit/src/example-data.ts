import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One `create index` of an example. */
export interface ExampleIndex {
  readonly name: string
  readonly table: string
  readonly sql: string
}

/** One statement of an example's service. */
export interface ExampleStatement {
  readonly name: string
  /** The endpoint of its page that it serves. */
  readonly serves: string
  /** A query for sets of parameters, one a row; absent for a statement without parameters. */
  readonly values: string | undefined
  readonly text: string
  /** The same answer out of a materialized view. */
  readonly view: string | undefined
}

/** The SQL of one example: what is under `examples/<name>/data`. */
export interface ExampleData {
  /** Tables, and the keys that are added over the rows. */
  readonly schema: { readonly tables: string; readonly keys: string }
  /** Fills the tables; absent where the example has a generator of its own. */
  readonly rows: string | undefined
  readonly indexes: readonly ExampleIndex[]
  /** Indexes that the page names and no statement needs. */
  readonly leftOut: readonly ExampleIndex[]
  readonly views: readonly string[]
  readonly statements: readonly ExampleStatement[]
}

/** Sends one text, of one statement or several. */
export type Send = (text: string) => Promise<unknown>

/** Reads the files of an example. `folder` is its data folder. */
export async function readExampleData(folder: string): Promise<ExampleData> {
  const read = async (name: string): Promise<string | undefined> => {
    const path = join(folder, name)
    return existsSync(path) ? readFile(path, 'utf8') : undefined
  }
  const schema = (await read('schema.sql')) ?? ''
  const [tables = '', rest = ''] = schema.split(/^-- >>> .*$/m)
  const isIndex = (statement: string): boolean => /^create (unique )?index/i.test(statement)
  return {
    schema: {
      tables,
      keys: splitStatements(rest)
        .filter(statement => !isIndex(statement))
        .join(';\n'),
    },
    rows: await read('rows.sql'),
    indexes: [...splitStatements(rest), ...splitStatements((await read('indexes.sql')) ?? '')].filter(isIndex).map(indexOf),
    leftOut: splitStatements((await read('left-out.sql')) ?? '').map(indexOf),
    views: splitStatements((await read('views.sql')) ?? ''),
    statements: statementsOf((await read('statements.sql')) ?? ''),
  }
}

/** Makes the tables, their rows and their keys in an empty database, without further indexes or views. The same size and seed give the same rows. */
export async function fillExample(send: Send, data: ExampleData, size: 'small' | 'real', seed = 1): Promise<void> {
  await send(
    `set data.size = '${size}'; set data.seed = '${Number(seed)}'; set timezone = 'UTC'; set synchronize_seqscans = off; set work_mem = '64MB'; set jit = off`,
  )
  for (const part of [data.schema.tables, data.rows ?? '', data.schema.keys]) await send(part)
  await send('reset work_mem; reset jit')
  await send('vacuum (analyze)')
}

/** Takes away every index that enforces nothing: the state before the page's indexes. */
export async function dropPlainIndexes(send: Send): Promise<void> {
  await send(`do $$ declare name text; begin
    for name in select i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indrelid
      where c.relnamespace = 'public'::regnamespace and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
    loop execute 'drop index ' || name; end loop; end $$`)
}

function splitStatements(text: string): string[] {
  const bare = text.replace(/^\s*--.*$/gm, '')
  return bare
    .split(/;\s*$/m)
    .map(statement => statement.trim())
    .filter(statement => statement !== '')
}

function indexOf(sql: string): ExampleIndex {
  const [, name = '', table = ''] = /^create (?:unique )?index (\w+) on (\w+)/i.exec(sql) ?? []
  return { name, table, sql }
}

function statementsOf(text: string): ExampleStatement[] {
  return text
    .split(/^-- name: /m)
    .slice(1)
    .map(block => {
      const [name = '', ...lines] = block.split('\n')
      const head = (key: string): string | undefined => lines.find(line => line.startsWith(`-- ${key}: `))?.slice(key.length + 5)
      const [plain = '', view] = lines.join('\n').split(/^-- view$/m)
      return { name: name.trim(), serves: head('serves') ?? '', values: head('values'), text: statementOf(plain), view: view && statementOf(view) }
    })
}

function statementOf(text: string): string {
  return text
    .replace(/^--.*$/gm, '')
    .trim()
    .replace(/;$/, '')
}
