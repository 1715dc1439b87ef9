// What the bench's application asks: reads with the calls of an hour, writes, and the traps that an advisor must not step into.
import { ranges } from './workload-data.mjs'

/** @typedef {{ name: string, text: string, perHour: number, binds: (r: () => number) => unknown[], trap?: string }} Statement */

const day = (start, days) => new Date(Date.parse(start) + days * 86_400_000).toISOString()

/** Reads of the application. `r()` gives numbers from 0 up to 1.
 *  @returns {Statement[]} */
export function reads(scale = 1) {
  const n = ranges(scale)
  const agent = r => 1 + Math.floor(r() ** 3 * n.agents)
  const project = r => 1 + Math.floor(r() ** 3 * n.projects)
  const lead = r => 1 + Math.floor(r() * n.leads)
  const issue = r => 1 + Math.floor(r() ** 2 * n.issues)
  const leadStatus = r => (r() < 0.7 ? 'open' : 'new')
  return [
    {
      name: 'leads of an agent',
      perHour: 40_000,
      text: 'select id, name, status, score from lead where agent_id = $1 and status = $2 and deleted_at is null order by created_at desc limit 20',
      binds: r => [agent(r), leadStatus(r)],
    },
    {
      name: 'lead by e-mail',
      perHour: 20_000,
      text: 'select id, name, email from lead where lower(email) = lower($1)',
      binds: r => [`user.${lead(r)}@example.com`],
    },
    {
      name: 'lead by phone',
      perHour: 6_000,
      text: 'select id, name from lead where phone = $1',
      binds: r => [`+1${String((lead(r) * 7919) % 10_000_000).padStart(10, '0')}`],
    },
    {
      name: 'unassigned leads',
      perHour: 9_000,
      text: 'select id, score from lead where agent_id is null and not archived order by score desc limit 50',
      binds: () => [],
    },
    {
      name: 'leads by attribute',
      perHour: 1_500,
      text: 'select id, name from lead where attributes @> $1::jsonb limit 50',
      binds: r => [JSON.stringify({ plan: `plan ${Math.floor(r() * 400)}` })],
    },
    {
      name: 'leads, page by key',
      perHour: 5_000,
      text: 'select id, name, created_at from lead where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 50',
      binds: r => [day('2026-01-01T00:00:00Z', (lead(r) * 60) / 86_400), lead(r)],
    },
    {
      name: 'leads by name prefix',
      perHour: 4_000,
      text: "select id, name from lead where name like $1 || '%' order by name limit 10",
      binds: r => [`Name${Math.floor(r() * 20000)}`],
    },
    {
      name: 'latest assignment of a lead',
      perHour: 30_000,
      text: 'select id, agent_id, status from assignment where lead_id = $1 order by assigned_at desc limit 1',
      binds: r => [lead(r)],
    },
    {
      name: 'workload of an agent',
      perHour: 8_000,
      text: 'select status, count(*) from assignment where agent_id = $1 group by status',
      binds: r => [agent(r)],
    },
    {
      name: 'assignments that expire',
      perHour: 700,
      text: 'select id, lead_id from assignment where status = $1 and expires_at < $2 order by expires_at limit 100',
      binds: r => ['pending', day('2026-01-05T00:00:00Z', r() * 60)],
    },
    {
      name: 'leads assigned to an agent',
      perHour: 7_000,
      text: 'select l.id, l.name, a.assigned_at from assignment a join lead l on l.id = a.lead_id where a.agent_id = $1 and a.status = $2 order by a.assigned_at desc limit 50',
      binds: r => [agent(r), 'pending'],
    },
    {
      name: 'timeline',
      perHour: 25_000,
      text: 'select id, kind, at from event where entity_type = $1 and entity_id = $2 order by at desc limit 50',
      binds: r => ['lead', 1 + Math.floor(r() ** 1.5 * n.leads)],
    },
    {
      name: 'events of an hour',
      perHour: 900,
      text: 'select kind, count(*) from event where at >= $1 and at < $2 group by kind',
      binds: r => {
        const from = r() * ((n.events * 30) / 86_400 - 1)
        return [day('2026-01-01T00:00:00Z', from), day('2026-01-01T00:00:00Z', from + 1 / 24)]
      },
    },
    {
      name: 'board of a project',
      perHour: 18_000,
      text: 'select id, title, priority from issue where project_id = $1 and state = $2 order by priority, updated_at desc limit 50',
      binds: r => [project(r), 'open'],
    },
    {
      name: 'my issues',
      perHour: 15_000,
      text: 'select id, title, due_on from issue where assignee_id = $1 and state = any($2) order by due_on nulls last limit 30',
      binds: r => [1 + Math.floor(r() ** 2 * n.agents), ['open', 'review']],
    },
    {
      name: 'issues that concern me',
      perHour: 3_000,
      text: 'select id, title from issue where (assignee_id = $1 or reporter_id = $1) and state = $2',
      binds: r => [1 + Math.floor(r() ** 2 * n.agents), 'open'],
    },
    {
      name: 'comments of an issue',
      perHour: 22_000,
      text: 'select id, author_id, body from comment where issue_id = $1 order by created_at limit 100',
      binds: r => [issue(r)],
    },
    {
      name: 'comments of an author',
      perHour: 1_000,
      text: 'select count(*) from comment where author_id = $1 and created_at >= $2',
      binds: r => [1 + Math.floor(r() ** 2 * n.agents), day('2026-01-01T00:00:00Z', r() * 170)],
    },
    {
      name: 'issues that an author commented',
      perHour: 2_000,
      text: 'select i.id, i.title from issue i where i.project_id = $1 and i.state = $2 and exists (select 1 from comment c where c.issue_id = i.id and c.author_id = $3) limit 20',
      binds: r => [project(r), 'open', 1 + Math.floor(r() ** 2 * n.agents)],
    },
    {
      name: 'children of an issue',
      perHour: 12_000,
      text: 'select id, title, state from issue where parent_id = $1',
      binds: r => [1 + Math.floor(r() * n.issues)],
    },
    {
      name: 'issues overdue',
      perHour: 400,
      text: 'select id, title, due_on from issue where state = $1 and due_on < $2 order by due_on limit 50',
      binds: r => ['open', day('2026-01-02T00:00:00Z', r() * 30).slice(0, 10)],
    },
    { name: 'leads by id', perHour: 20_000, text: 'select id, name from lead where id = any($1)', binds: r => [[lead(r), lead(r), lead(r)]] },
    {
      name: 'leads of a zip',
      perHour: 2_500,
      trap: 'correlated columns',
      text: 'select id, name from lead where city = $1 and zip = $2',
      binds: r => {
        const zip = Math.floor(r() ** 2 * 3000)
        return [`City ${Math.floor(zip / 10)}`, String(zip).padStart(5, '0')]
      },
    },
    {
      name: 'archived leads',
      perHour: 60,
      trap: 'low selectivity',
      text: 'select count(*), sum(score) from lead where archived = $1',
      binds: () => [true],
    },
    {
      name: 'agents of a team',
      perHour: 30_000,
      trap: 'tiny table',
      text: 'select id, name from agent where team = $1 and active',
      binds: r => [`team ${Math.floor(r() * 40)}`],
    },
    {
      name: 'leads seen lately',
      perHour: 60,
      trap: 'hot column',
      text: 'select id, name from lead where last_seen_at > $1 order by last_seen_at desc limit 20',
      binds: () => ['2026-08-29T00:00:00Z'],
    },
    {
      name: 'issues touched lately',
      perHour: 60,
      trap: 'hot column',
      text: 'select id, title from issue where updated_at > $1 order by updated_at desc limit 20',
      binds: () => ['2026-08-29T00:00:00Z'],
    },
    {
      name: 'events of a source',
      perHour: 6,
      trap: 'rare read, many inserts',
      text: 'select count(*) from event where source = $1',
      binds: r => [`source ${Math.floor(r() * 500)}`],
    },
    {
      name: 'issue by number',
      perHour: 20_000,
      trap: 'index exists',
      text: 'select id, title from issue where project_id = $1 and number = $2',
      binds: r => {
        const id = 1 + Math.floor(r() * n.issues)
        return [project(r), id]
      },
    },
    {
      name: 'leads of a date',
      perHour: 120,
      trap: 'cast',
      text: 'select count(*) from lead where created_at::date = $1',
      binds: r => [day('2026-01-01T00:00:00Z', r() * 170).slice(0, 10)],
    },
    {
      name: 'leads by note',
      perHour: 60,
      trap: 'leading wildcard',
      text: "select id from lead where note like '%' || $1 || '%' limit 20",
      binds: r => [Math.floor(r() * 1e9).toString(16)],
    },
    {
      name: 'events, page by offset',
      perHour: 60,
      trap: 'offset',
      text: 'select id, kind from event order by id limit 50 offset $1',
      binds: r => [Math.floor(r() * 0.5 * n.events)],
    },
    { name: 'issues not closed', perHour: 60, trap: 'negation', text: 'select count(*) from issue where state <> $1', binds: () => ['open'] },
    { name: 'leads by status', perHour: 60, trap: 'reads all', text: 'select status, count(*) from lead group by status', binds: () => [] },
  ]
}

/** Writes of the application.
 *  @returns {Statement[]} */
export function writes(scale = 1) {
  const n = ranges(scale)
  let id = 10_000_000
  const agent = r => 1 + Math.floor(r() ** 3 * n.agents)
  const lead = r => 1 + Math.floor(r() * n.leads)
  const issue = r => 1 + Math.floor(r() * n.issues)
  const now = '2026-09-01T00:00:00Z'
  return [
    { name: 'lead seen', perHour: 120_000, text: 'update lead set last_seen_at = $1 where id = $2', binds: r => [day(now, r()), lead(r)] },
    { name: 'issue touched', perHour: 60_000, text: 'update issue set updated_at = $1 where id = $2', binds: r => [day(now, r()), issue(r)] },
    {
      name: 'event',
      perHour: 150_000,
      // As long as the longest there are, or they would fill what is left of pages all over the table, and no BRIN index would last an hour.
      text: "insert into event (id, entity_type, entity_id, kind, source, at, payload) values ($1, 'lead', $2, $3, $4, $5, '{\"n\": 50}')",
      binds: r => [++id, lead(r), 'kind 12', `source ${100 + Math.floor(r() * 400)}`, now],
    },
    {
      name: 'new lead',
      perHour: 6_000,
      text: "insert into lead values ($1, $2, 'new', 'source 1', $3, $4, $5, '00001', 'City 0', 10, false, '{\"plan\": \"plan 1\"}', 'note', $6, $6, null)",
      binds: r => [++id, agent(r), `Name ${id}`, `user.${id}@example.com`, String(id), now],
    },
    { name: 'lead moves on', perHour: 6_000, text: 'update lead set status = $1 where id = $2', binds: r => ['won', lead(r)] },
    {
      name: 'assignment',
      perHour: 8_000,
      text: "insert into assignment values ($1, $2, $3, 'pending', $4, $4)",
      binds: r => [++id, lead(r), agent(r), now],
    },
    { name: 'assignment closed', perHour: 8_000, text: "update assignment set status = 'closed' where id = $1", binds: r => [lead(r)] },
    {
      name: 'comment',
      perHour: 10_000,
      text: 'insert into comment values ($1, $2, $3, $4, $5)',
      binds: r => [++id, issue(r), agent(r), 'text', now],
    },
    { name: 'issue closed', perHour: 3_000, text: "update issue set state = 'closed', updated_at = $1 where id = $2", binds: r => [now, issue(r)] },
  ]
}

/** The best set known to whoever wrote the statements; found by hand, with the plans in view. */
export const BEST_SET = [
  'create index b1 on lead (agent_id, status, created_at desc)',
  'create index b2 on lead (lower(email))',
  'create index b3 on lead (phone)',
  'create index b4 on lead (score desc) where agent_id is null and not archived',
  'create index b5 on lead using gin (attributes jsonb_path_ops)',
  'create index b6 on lead (created_at desc, id desc)',
  'create index b7 on lead (name text_pattern_ops)',
  'create index b8 on lead (zip)',
  'create index b9 on assignment (lead_id, assigned_at desc)',
  'create index b10 on assignment (agent_id, status, assigned_at desc)',
  'create index b11 on assignment (status, expires_at)',
  'create index b12 on event (entity_id, entity_type, at desc)',
  'create index b13 on event using brin (at) with (pages_per_range = 32)',
  'create index b14 on issue (project_id, state, priority)',
  'create index b15 on issue (assignee_id, state)',
  'create index b16 on issue (reporter_id, state)',
  'create index b17 on issue (parent_id)',
  'create index b18 on issue (state, due_on)',
  'create index b19 on comment (issue_id, created_at)',
  'create index b20 on comment (author_id, created_at)',
]

/** Whether an index takes a trap: by its table and the columns of its definition. */
export const TRAPS = [
  { trap: 'low selectivity', takes: ({ table, first }) => table === 'lead' && first === 'archived' },
  { trap: 'tiny table', takes: ({ table }) => table === 'agent' || table === 'project' },
  { trap: 'hot column', takes: ({ columns }) => columns.includes('last_seen_at') || columns.includes('updated_at') },
  { trap: 'rare read, many inserts', takes: ({ table, columns }) => table === 'event' && columns.includes('source') },
  { trap: 'index exists', takes: ({ table, keys }) => (table === 'issue' && keys.startsWith('project_id, number')) || keys === 'id' },
  { trap: 'cast', takes: ({ table, keys }) => table === 'lead' && (/::date/.test(keys) || keys === 'created_at::date') },
  { trap: 'leading wildcard', takes: ({ table, columns, method }) => table === 'lead' && columns.includes('note') && method !== 'gin' },
  { trap: 'correlated columns', takes: ({ table, columns }) => table === 'lead' && columns.includes('city') },
  { trap: 'negation', takes: ({ table, keys }) => table === 'issue' && keys === 'state' },
  { trap: 'reads all', takes: ({ table, keys }) => table === 'lead' && keys === 'status' },
]
