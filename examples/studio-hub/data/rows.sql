-- Rows from a hash of seed, table and row: the same settings give the same rows on every machine.
-- Settings of the session: data.size small (default) or real, data.seed (default 1).

create function pg_temp.bits(i bigint, salt integer) returns bigint language sql stable
  return hashint8extended(i, salt + 1000 * coalesce(nullif(current_setting('data.seed', true), ''), '1')::bigint);
create function pg_temp.below(many integer, bits bigint) returns integer language sql immutable return ((bits & 2147483647) % many)::integer;
create function pg_temp.pick(choices text[], bits bigint) returns text language sql immutable
  return choices[1 + ((bits & 2147483647) % cardinality(choices))::integer];
-- Few are hot: the first of a hundred gets ten times its share.
create function pg_temp.skewed(many integer, bits bigint) returns integer language sql immutable
  return 1 + floor(many * power((bits & 16777215) / 16777216.0::float8, 2))::integer;

create temporary table scale as
select * from (values ('small', 12, 60, 2000, 8000, 3000), ('real', 1000, 6000, 100000, 1000000, 250000)) as s(size, organisations, projects, users, issues, others)
where size = coalesce(nullif(current_setting('data.size', true), ''), 'small');

insert into organisation
select i, 'Organisation ' || i, pg_temp.pick('{free,free,free,team,enterprise}', pg_temp.bits(i, 1)), timestamptz '2024-01-01' + i * interval '1 hour'
from generate_series(1, (select organisations from scale)) i;

-- The first organisations have most projects, and these most issues.
insert into project
select i, case when i <= organisations then i else pg_temp.skewed(organisations, pg_temp.bits(i, 2)) end, 'Project ' || i, timestamptz '2024-06-01' + i * interval '1 hour'
from scale, generate_series(1, projects) i;

insert into app_user
select i, pg_temp.skewed(organisations, h), 'user' || i || '@example.com', 'User ' || i, pg_temp.below(10, h >> 24) > 0, timestamptz '2024-01-01' + i * interval '10 min'
from scale, generate_series(1, users) i, lateral (select pg_temp.bits(i, 3) as h) x;

insert into api_key
select i, u.organisation_id, u.id, md5('key ' || i), pg_temp.below(5, pg_temp.bits(i, 4)) > 0, timestamptz '2025-01-01' + i * interval '20 min'
from scale, generate_series(1, users / 5) i, lateral (select pg_temp.skewed(users, pg_temp.bits(i, 5)) as user_id) x join app_user u on u.id = user_id;

insert into session
select i, pg_temp.skewed(users, h), md5('session ' || i), timestamptz '2026-11-01' + (pg_temp.below(40, h >> 24) - 30) * interval '1 day' + pg_temp.below(86400, h >> 30) * interval '1 s'
from scale, generate_series(1, users * 3 / 2) i, lateral (select pg_temp.bits(i, 6) as h) x;

insert into audit_log
select i, u.organisation_id, u.id, pg_temp.pick('{login,login,login,login,issue.view,issue.view,run.start,key.create,user.invite,billing.change}', h >> 24),
  case when pg_temp.below(100, h >> 30) = 0 then 'critical' else pg_temp.pick('{info,info,info,info,info,info,info,info,warning,error}', h >> 33) end,
  timestamptz '2026-11-01' - (others - i) * (interval '180 days' / others)
from scale, generate_series(1, others) i, lateral (select pg_temp.bits(i, 7) as h) x, lateral (select pg_temp.skewed(users, h) as user_id) y join app_user u on u.id = user_id;

-- Older issues are resolved; of 200 detectors few find most.
insert into issue
select i, p.organisation_id, p.id, 'detector-' || pg_temp.skewed(200, h >> 20), pg_temp.pick('{low,low,low,low,low,medium,medium,medium,high,critical}', h >> 33),
  pg_temp.below(100, h >> 12) < case when i > issues * 0.9 then 30 else 97 end, 'Issue ' || i, timestamptz '2026-11-01' - (issues - i) * (interval '365 days' / issues)
from scale, generate_series(1, issues) i, lateral (select pg_temp.bits(i, 8) as h) x, lateral (select pg_temp.skewed(projects, h) as project_id) y join project p on p.id = project_id;

insert into run
select i, p.organisation_id, p.id, case when i > others * 0.999 then pg_temp.pick('{queued,running}', h >> 24) else pg_temp.pick('{success,success,success,success,failed}', h >> 24) end,
  pg_temp.below(40, h >> 30), 500 + pg_temp.below(60000, h >> 12), timestamptz '2026-11-01' - (others - i) * (interval '365 days' / others)
from scale, generate_series(1, others) i, lateral (select pg_temp.bits(i, 9) as h) x, lateral (select pg_temp.skewed(projects, h) as project_id) y join project p on p.id = project_id;

insert into website_test
select i, p.organisation_id, p.id, 'https://site' || p.id || '.example.com/' || pg_temp.below(5, h >> 26),
  pg_temp.pick('{passed,passed,passed,passed,passed,passed,passed,passed,failed,skipped}', h >> 32), 200 + pg_temp.below(9000, h >> 12),
  timestamptz '2026-11-01' - (others - i) * (interval '365 days' / others)
from scale, generate_series(1, others) i, lateral (select pg_temp.bits(i, 10) as h) x, lateral (select pg_temp.skewed(projects, h) as project_id) y join project p on p.id = project_id;

drop table scale;
