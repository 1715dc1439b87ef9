import { readFile } from 'node:fs/promises'

/** `small` 5,000 leads, for tests; `demo` 300,000; `real` 800,000 with a million assignments, for measured runs. */
export type SeedSize = (typeof SEED_SIZES)[number]

/** The sizes there are. */
export const SEED_SIZES = ['small', 'demo', 'real'] as const

/** What to fill the database with. */
export interface SeedOptions {
  /** Default `small`. */
  readonly size?: SeedSize
  /** The same number gives the same rows on every machine. 0 to 999,999,999; default 1. */
  readonly seed?: number
}

/** Rows written, by table. */
export interface SeedResult {
  readonly rows: Readonly<Record<string, number>>
}

/** The newest lead came at this time, whenever the seed runs: a fixed date makes the rows the same on every day. */
export const SEED_NEWEST_AT = '2026-11-01T00:00:00Z'

interface Scale {
  readonly leads: number
  readonly agents: number
  readonly assignments: number
  readonly events: number
}

const SCALES: Readonly<Record<SeedSize, Scale>> = {
  small: { leads: 5000, agents: 500, assignments: 6000, events: 2000 },
  demo: { leads: 300_000, agents: 2000, assignments: 360_000, events: 50_000 },
  real: { leads: 800_000, agents: 5000, assignments: 1_000_000, events: 400_000 },
}
const CARRIERS = 60
const SEED_MAX = 999_999_999
const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
const YEAR_MS = 365 * DAY_MS
/** Steps of the fractions that are drawn for a skewed choice. */
const FINE = 2 ** 24
const NEWEST_MS = Date.parse(SEED_NEWEST_AT)
const GIVEN_NAMES = '{Ada,Ben,Cleo,Dan,Eva,Finn,Gia,Hugo}'
const FAMILY_NAMES = '{Abel,Bauer,Costa,Diaz,Evans,Fox,Gray,Hale}'
const TABLES = ['carrier', 'agent', 'lead', 'lead_assignment', 'event'] as const
const SCHEMA = new URL('../data/schema.sql', import.meta.url)
const STANDING = new URL('../data/standing.sql', import.meta.url)
const MARKER = /^-- >>> .*$/m

/** Creates the schema in an empty database and fills it, all or nothing. Every value comes from a hash of seed, table and row, computed in the server.
 *  `query` must reach one and the same connection each time: it holds the transaction. */
export async function seedLeads(query: (sql: string) => Promise<unknown>, options: SeedOptions = {}): Promise<SeedResult> {
  const { size = 'small', seed = 1 } = options
  if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX) throw new RangeError(`seed must be an integer from 0 to ${SEED_MAX}, got ${seed}`)
  const scale = SCALES[size]
  const [tables = '', indexes = ''] = (await readFile(SCHEMA, 'utf8')).split(MARKER)
  await query('begin')
  try {
    await query(SESSION)
    await query(tables)
    for (const statement of loadStatements(scale, seed)) await query(statement)
    await query(indexes)
    await query(await readFile(STANDING, 'utf8'))
    for (const table of TABLES) await query(`select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}))`)
    await query('commit')
  } catch (error) {
    await query('rollback')
    throw error
  }
  // Sets the hint bits and the visibility map too: left undone, the first readers would do it while they are being measured.
  for (const table of TABLES) await query(`vacuum (analyze) ${table}`)
  return { rows: { carrier: CARRIERS, agent: scale.agents, lead: scale.leads, lead_assignment: scale.assignments, event: scale.events } }
}

/** Not the durability of the rows, only the wait for it is given up; order of reading is pinned, for it becomes the order of writing. */
const SESSION = `
  set local synchronous_commit = off;
  set local maintenance_work_mem = '64MB';
  set local work_mem = '64MB';
  set local synchronize_seqscans = off;
  set local jit = off;
  set local timezone = 'UTC'`

function loadStatements({ leads, agents, assignments, events }: Scale, seed: number): readonly string[] {
  const stepMs = Math.floor(YEAR_MS / leads)
  const createdMs = (id: string): string => `${NEWEST_MS}::float8 - (${leads} - ${id}) * ${stepMs}::float8`
  // Ids follow time. The newest 2 % (a week) are being worked on, and of these the newer half has not been given to anybody yet.
  const inWork = leads * 0.98
  const assigned = leads * 0.99
  return [
    `insert into carrier
     select i, 'Carrier ' || i, i % 10 <> 0, ${pick('partnership_status', { partner: 6, trial: 2, prospect: 1, ended: 1 }, 'h')}, 1 + i % 3, ${below(101, 'h >> 16')}
     from ${rows(CARRIERS, seed)}`,
    `insert into lead
     select i,
       case when i > ${assigned} then 'new' when i > ${inWork} then ${pick('lead_status', { assigned: 2, quoted: 1 }, 'h')}
         else ${pick('lead_status', { lost: 29, won: 12, quoted: 5, assigned: 3, escalated: 1 }, 'h')} end,
       ${pick('insurance_type', { auto: 8, home: 5, health: 4, life: 2, business: 1 }, 'h >> 8')},
       100 - ${below(101, 'h >> 16')} * ${below(101, 'h >> 23')} / 100,
       (10000 + ${below(60, 'h >> 30')} * ${below(60, 'h >> 36')})::text,
       ${pick('lead_source', { web: 9, partner: 5, phone: 3, referral: 2, fair: 1 }, 'h >> 42')},
       ('${GIVEN_NAMES}'::text[])[1 + ${below(8, 'h >> 50')}] || ' ' || ('${FAMILY_NAMES}'::text[])[1 + ${below(8, 'h >> 53')}],
       to_timestamp((${createdMs('i')} - ${below(stepMs, 'h >> 12')}) / 1000)
     from ${rows(leads, seed + 1)}`,
    // One agent or two for each lead. The power of 1.5 makes few agents busy: the first has twenty times the work of the last.
    `insert into lead_assignment
     select i, lead_id, 1 + floor(${agents} * u * sqrt(u)),
       ${pick('assignment_status', { lost: 24, won: 11, contacted: 10, open: 4, escalated: 1 }, 'h')},
       to_timestamp((${createdMs('lead_id')} + ${below(WEEK_MS, 'h >> 24')}) / 1000)
     from ${rows(assignments, seed + 2)} cross join lateral (
       select ((i - 1)::bigint * ${assigned} / ${assignments})::int + 1, ${below(FINE, 'h >> 8')} / ${FINE}::float8) as l(lead_id, u)`,
    // Those who left are at the end, where the work is least.
    `insert into agent
     select i, 'Agent ' || i, i <= ${agents * 0.95}, (array['CA', 'TX', 'FL', 'NY', 'OH', 'WA'])[1 + ${below(6, 'h')}], 'City ' || ${below(120, 'h >> 8')},
       (array['{auto,home}', '{auto,business}', '{health,life}'])[1 + ${below(3, 'h >> 20')}]::insurance_type[], 5 - ${below(21, 'h >> 24')} / 10.0, coalesce(c.open, 0)
     from ${rows(agents, seed + 3)}
     left join (select agent_id, count(*) as open from lead_assignment where status = 'open' group by agent_id) c on c.agent_id = i`,
    // Most happens to the newest leads: the same power, counted from the end.
    `insert into event
     select i, 'lead', lead_id,
       ${pick('text', { viewed: 12, called: 4, emailed: 3, complained: 1 }, 'h >> 32')}, ${pick('text', { app: 7, api: 2, import: 1 }, 'h >> 40')},
       to_timestamp((${createdMs('lead_id')} + ${below(DAY_MS, 'h >> 8')}) / 1000)
     from ${rows(events, seed + 4)} cross join lateral (select (${events} - i) / ${events}::float8) as f(u)
       cross join lateral (select ${leads} - floor(${leads} * u * sqrt(u))::int) as l(lead_id)`,
  ]
}

/** Numbers 1 to `count` as `i`, each with 64 bits as `h` that depend on it and on the seed alone. */
function rows(count: number, seed: number): string {
  return `generate_series(1, ${count}) as g(i) cross join lateral (select hashint8extended(i, ${seed})) as x(h)`
}

/** An integer from 0 to `limit` - 1 out of the 32 bits that `bits` ends with. */
function below(limit: number, bits: string): string {
  return `(((${bits}) & 4294967295) % ${limit})`
}

/** One of the keys, as often as its share says. */
function pick(type: string, shares: Readonly<Record<string, number>>, bits: string): string {
  const choices = Object.entries(shares).flatMap(([choice, share]) => Array.from({ length: share }, () => choice))
  return `('{${choices.join(',')}}'::${type}[])[1 + ${below(choices.length, bits)}]`
}
