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
select * from (values ('small', 6, 1500, 8000), ('real', 300, 120000, 1000000)) as s(size, schools, users, orders)
where size = coalesce(nullif(current_setting('data.size', true), ''), 'small');

insert into school select i, 'School ' || i, 'City ' || 1 + i % 40 from generate_series(1, (select schools from scale)) i;

-- Nineteen of twenty are parents; each tenth of them is the second parent of an account.
insert into app_user
select i, 'user' || i || '@example.com', 'User ' || i,
  case when pg_temp.below(20, h >> 24) > 0 then 'parent' else pg_temp.pick('{teacher,teacher,teacher,teacher,vendor,vendor,school_admin,admin}', h >> 30) end,
  case when pg_temp.below(50, h >> 34) = 0 then 'suspended' else pg_temp.pick('{active,active,active,active,active,active,active,active,active,invited}', h >> 38) end,
  pg_temp.skewed(schools, h), case when i > 10 and pg_temp.below(10, h >> 42) = 0 then 1 + pg_temp.below(i - 1, h >> 12) end,
  timestamptz '2024-06-01' + i * (interval '800 days' / users)
from scale, generate_series(1, users) i, lateral (select pg_temp.bits(i, 1) as h) x;

insert into student
select i, u.school_id, u.id, 'Student ' || i, 1 + pg_temp.below(12, pg_temp.bits(i, 2)) || pg_temp.pick('{A,B,C}', pg_temp.bits(i, 3))
from scale, generate_series(1, users) i, lateral (select case when i % 4 = 0 then i - 1 else i end as user_id) x join app_user u on u.id = user_id;

insert into menu_item
select i, 1 + (i - 1) % schools, 'Dish ' || i, pg_temp.pick('{lunch,lunch,lunch,breakfast,snack,drink}', h), 20 + pg_temp.below(200, h >> 20), pg_temp.below(8, h >> 30) > 0
from scale, generate_series(1, schools * 60) i, lateral (select pg_temp.bits(i, 4) as h) x;

-- Ten dishes a school and day, half a year of days.
insert into daily_menu
select row_number() over (order by day, school, slot), school, school + schools * pg_temp.below(60, pg_temp.bits(school * 10 + slot, 5 + day)), date '2026-05-06' + day, 30 + pg_temp.below(200, pg_temp.bits(day, 6 + slot))
from scale, generate_series(0, case size when 'real' then 180 else 60 end) day, generate_series(1, schools) school, generate_series(1, 10) slot;

-- Ordered two days before; what is delivered is past, and of it little is unpaid.
insert into meal_order
select i, s.parent_id, s.id, s.school_id, delivery,
  case when pg_temp.below(30, h >> 24) = 0 then 'cancelled' when delivery < date '2026-11-01' then 'delivered' else pg_temp.pick('{confirmed,confirmed,confirmed,pending}', h >> 30) end,
  case when pg_temp.below(200, h >> 34) = 0 then 'refunded' when pg_temp.below(case when delivery < date '2026-11-01' then 500 else 5 end, h >> 38) = 0 then 'unpaid' else 'paid' end,
  40 + pg_temp.below(300, h >> 12), created
from scale, generate_series(1, orders) i, lateral (select pg_temp.bits(i, 7) as h, timestamptz '2026-11-01' - (orders - i) * (interval '365 days' / orders) as created) x,
  lateral (select pg_temp.skewed(users, h) as student_id, (created at time zone 'UTC')::date + 2 as delivery) y join student s on s.id = student_id;

insert into payment_order
select o.id, o.id, o.user_id, 'order_' || md5('payment ' || o.id), o.total,
  case when o.payment_status = 'unpaid' then pg_temp.pick('{created,created,attempted,failed}', pg_temp.bits(o.id, 8)) else 'paid' end, o.created_at + interval '1 min'
from meal_order o where o.id % 2 = 0;

insert into payment
select p.id, p.id, p.user_id, pg_temp.pick('{upi,upi,upi,card,wallet}', pg_temp.bits(p.id, 9)), p.amount,
  case when o.payment_status = 'refunded' then 'refunded' when p.status = 'paid' then 'captured' else 'failed' end, p.created_at + interval '1 min'
from payment_order p join meal_order o on o.id = p.order_id where p.status in ('paid', 'failed');

insert into subscription
select i, s.parent_id, s.id, s.school_id, pg_temp.pick('{active,active,active,active,paused,cancelled,cancelled}', h >> 20), date '2026-11-01' + pg_temp.below(30, h >> 30)
from scale, generate_series(1, users / 3) i, lateral (select pg_temp.bits(i, 10) as h) x,
  lateral (select 1 + pg_temp.below(users, h) as student_id) y join student s on s.id = student_id;

insert into invoice
select row_number() over (order by month, s.id), s.user_id, s.id, 'INV-' || lpad((month * 1000000 + s.id)::text, 9, '0'),
  case when month = 0 then pg_temp.pick('{open,open,paid}', pg_temp.bits(s.id, 11)) when pg_temp.below(60, pg_temp.bits(s.id, 12 + month)) = 0 then 'overdue' else 'paid' end,
  date '2026-11-15' - month * 30, 1500
from subscription s, generate_series(0, 8) month;

insert into rfid_card
select i, md5('card ' || i), s.id, s.school_id, i <= users, timestamptz '2025-01-01' + i * interval '1 min'
from scale, generate_series(1, users * 5 / 4) i join student s on s.id = 1 + i % (select users from scale);

drop table scale;
