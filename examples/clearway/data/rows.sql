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
select * from (values ('small', 10, 60, 8000), ('real', 250, 5000, 1000000)) as s(size, organisations, users, calls)
where size = coalesce(nullif(current_setting('data.size', true), ''), 'small');

insert into organisation select i, 'Organisation ' || i from generate_series(1, (select organisations from scale)) i;

insert into app_user
select i, 1 + (i - 1) % organisations, 'user' || i || '@example.com', 'User ' || i, pg_temp.pick('{operations,operations,operations,approver,admin}', pg_temp.bits(i, 1))
from scale, generate_series(1, users) i;

insert into fund
select o, 'Fund ' || o || '-' || f, 2015 + pg_temp.below(11, pg_temp.bits(o * 100 + f, 2)) from scale, generate_series(1, organisations) o, generate_series(1, 8) f;

-- One for each second call: call 2 n has document n.
insert into document
select i, 1 + (u - 1) % organisations, u, pg_temp.pick('{verified,verified,verified,verified,verified,verified,extracted,extracted,uploaded,rejected}', h >> 20),
  'Notice ' || i, timestamptz '2026-11-01' - (calls / 2 - i) * (interval '3 years' / (calls / 2)) - interval '1 hour'
from scale, generate_series(1, calls / 2) i, lateral (select pg_temp.bits(i * 2, 4) as h) x, lateral (select pg_temp.skewed(users, h) as u) y;

-- Those of the last sixty days are still being worked on; of the older ones few were never settled.
insert into capital_call
select i, u, case when i % 2 = 0 then i / 2 end, 'Fund ' || 1 + (u - 1) % organisations || '-' || 1 + pg_temp.below(8, h >> 24), 1000 + pg_temp.below(4999000, h >> 9),
  pg_temp.pick('{USD,USD,USD,EUR,GBP}', h >> 33), (created + interval '30 days')::date, status, created,
  case when status in ('approved', 'paid') then created + interval '1 hour' * (1 + pg_temp.below(200, h >> 12)) end,
  case when status = 'paid' then created + interval '1 day' * (10 + pg_temp.below(30, h >> 17)) end
from scale, generate_series(1, calls) i, lateral (select pg_temp.bits(i, 4) as h) x,
  lateral (select pg_temp.skewed(users, h) as u, timestamptz '2026-11-01' - (calls - i) * (interval '3 years' / calls) as created) y,
  lateral (select case when i > calls * 0.95 then pg_temp.pick('{pending,pending,approved,approved,rejected}', h >> 28)
    else pg_temp.pick('{paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,paid,rejected,overdue,approved}', h >> 28) end as status) z;

-- A quarter is paid in two parts.
insert into payment
select row_number() over (order by c.id, part), c.id, round(c.amount / parts, 2), pg_temp.pick('{wire,wire,ach}', pg_temp.bits(c.id, 5)), c.paid_at - interval '1 day' * (parts - part)
from capital_call c, lateral (select case when pg_temp.below(4, pg_temp.bits(c.id, 6)) = 0 then 2 else 1 end as parts) p, generate_series(1, parts) part
where c.status = 'paid';

drop table scale;
