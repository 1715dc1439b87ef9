// The data of the advisor's bench: a CRM of leads and an issue tracker, with skew. The same at every run: no random numbers, only hashes of the row's number.

/** SQL statements that make schema and rows. `scale` 1 is about 1.4 million rows. */
export function dataSql(scale = 1) {
  const count = rows => Math.max(1, Math.round(rows * scale))
  const n = {
    agents: 1500,
    projects: 300,
    leads: count(250_000),
    assignments: count(300_000),
    events: count(450_000),
    issues: count(150_000),
    comments: count(250_000),
  }
  return [
    // u(i, salt): a number from 0 up to 1 that looks random. skew: small numbers come far more often.
    `create function u(i bigint, salt int) returns float8 language sql immutable parallel safe as
     $$ select ((hashint8extended(i, salt) & 1048575)::float8 / 1048576) $$`,
    `create table agent (id int primary key, name text not null, team text not null, active boolean not null)`,
    `insert into agent select i, 'Agent ' || i, 'team ' || i % 40, i % 9 <> 0 from generate_series(1, ${n.agents}) i`,
    `create table lead (id bigint primary key, agent_id int references agent, status text not null, source text not null, name text not null, email text not null,
       phone text not null, zip text not null, city text not null, score int not null, archived boolean not null, attributes jsonb not null, note text not null,
       created_at timestamptz not null, last_seen_at timestamptz not null, deleted_at timestamptz) with (fillfactor = 85)`,
    `insert into lead select i, case when u(i, 1) < 0.04 then null else 1 + floor(power(u(i, 2), 3) * ${n.agents})::int end,
       case when u(i, 3) < 0.03 then 'new' when u(i, 3) < 0.15 then 'open' when u(i, 3) < 0.35 then 'won' else 'lost' end,
       'source ' || floor(power(u(i, 4), 2) * 12)::int, 'Name' || floor(u(i, 5) * 20000)::int || ' ' || substr(md5(i::text), 1, 8),
       'User.' || i || '@Example.com', '+1' || lpad(((i * 7919) % 10000000)::text, 10, '0'),
       lpad(floor(power(u(i, 6), 2) * 3000)::int::text, 5, '0'), 'City ' || (floor(power(u(i, 6), 2) * 3000)::int / 10), floor(u(i, 7) * 1000)::int,
       u(i, 8) < 0.88, jsonb_build_object('plan', 'plan ' || floor(u(i, 9) * 400)::int, 'size', floor(u(i, 10) * 50)::int, 'tags', jsonb_build_array('t' || i % 30)),
       repeat(md5(i::text), 2), timestamptz '2026-01-01' + i * interval '1 min', timestamptz '2026-06-01' + u(i, 11) * interval '90 days',
       case when u(i, 12) < 0.02 then timestamptz '2026-08-01' end from generate_series(1, ${n.leads}) i`,
    `create table assignment (id bigint primary key, lead_id bigint not null references lead, agent_id int not null references agent, status text not null,
       assigned_at timestamptz not null, expires_at timestamptz not null) with (fillfactor = 90)`,
    `insert into assignment select i, 1 + floor(u(i, 20) * ${n.leads})::bigint, 1 + floor(power(u(i, 21), 3) * ${n.agents})::int,
       case when u(i, 22) < 0.06 then 'pending' when u(i, 22) < 0.5 then 'accepted' else 'closed' end,
       timestamptz '2026-01-01' + i * interval '50 s', timestamptz '2026-01-01' + i * interval '50 s' + u(i, 23) * interval '9 days' from generate_series(1, ${n.assignments}) i`,
    `create table event (id bigint primary key, entity_type text not null, entity_id bigint not null, kind text not null, source text not null, at timestamptz not null, payload jsonb not null)`,
    `insert into event select i, case when u(i, 30) < 0.7 then 'lead' else 'issue' end, 1 + floor(power(u(i, 31), 1.5) * ${n.leads})::bigint, 'kind ' || floor(power(u(i, 32), 2) * 25)::int,
       'source ' || i % 500, timestamptz '2026-01-01' + i * interval '30 s', jsonb_build_object('n', i % 100) from generate_series(1, ${n.events}) i`,
    `create table project (id int primary key, name text not null, open boolean not null)`,
    `insert into project select i, 'Project ' || i, i % 5 <> 0 from generate_series(1, ${n.projects}) i`,
    `create table issue (id bigint primary key, project_id int not null references project, number int not null, assignee_id int, reporter_id int not null, parent_id bigint,
       state text not null, priority int not null, title text not null, created_at timestamptz not null, updated_at timestamptz not null, due_on date,
       unique (project_id, number)) with (fillfactor = 85)`,
    `insert into issue select i, 1 + floor(power(u(i, 40), 3) * ${n.projects})::int, i, case when u(i, 41) < 0.35 then null else 1 + floor(power(u(i, 42), 2) * ${n.agents})::int end,
       1 + floor(power(u(i, 43), 2) * ${n.agents})::int, case when u(i, 44) < 0.2 then 1 + floor(u(i, 45) * ${n.issues})::bigint end,
       case when u(i, 46) < 0.08 then 'open' when u(i, 46) < 0.12 then 'review' else 'closed' end, 1 + floor(u(i, 47) * 5)::int, 'Issue ' || md5(i::text),
       timestamptz '2026-01-01' + i * interval '100 s', timestamptz '2026-06-01' + u(i, 48) * interval '90 days',
       case when u(i, 49) < 0.3 then date '2026-01-01' + floor(u(i, 50) * 365)::int end from generate_series(1, ${n.issues}) i`,
    `create table comment (id bigint primary key, issue_id bigint not null references issue, author_id int not null, body text not null, created_at timestamptz not null)`,
    `insert into comment select i, 1 + floor(power(u(i, 60), 2) * ${n.issues})::bigint, 1 + floor(power(u(i, 61), 2) * ${n.agents})::int, repeat(md5(i::text), 3),
       timestamptz '2026-01-01' + i * interval '60 s' from generate_series(1, ${n.comments}) i`,
    'vacuum analyze',
  ]
}

/** Row counts that binds are drawn from. */
export function ranges(scale = 1) {
  return { agents: 1500, projects: 300, leads: Math.round(250_000 * scale), events: Math.round(450_000 * scale), issues: Math.round(150_000 * scale) }
}
