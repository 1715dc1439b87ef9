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
select * from (values ('small', 40, 300, 10000), ('real', 2000, 60000, 1000000)) as s(size, learners, missions, events)
where size = coalesce(nullif(current_setting('data.size', true), ''), 'small');

insert into learner select i, 'learner' || i || '@example.com', timestamptz '2025-01-01' + i * interval '1 hour' from generate_series(1, (select learners from scale)) i;

-- A year of missions; what is planned lies ahead.
insert into mission
select i, pg_temp.skewed(learners, h), date '2026-11-08' - ((missions - i) * 372 / missions)::integer,
  case when i > missions * 0.98 then 'planned' else pg_temp.pick('{completed,completed,completed,completed,skipped,active}', h >> 24) end, 30 + pg_temp.below(60, h >> 12),
  case when i <= missions * 0.98 then 10 + pg_temp.below(100, h >> 33) end
from scale, generate_series(1, missions) i, lateral (select pg_temp.bits(i, 1) as h) x;

insert into learning_objective
select (m.id - 1) * 3 + n, m.learner_id, m.id, 'topic ' || pg_temp.skewed(60, pg_temp.bits(m.id * 3 + n, 2)), 1 + pg_temp.below(5, pg_temp.bits(m.id * 3 + n, 3)),
  case when m.status = 'completed' then m.scheduled_on + n * interval '1 hour' end
from mission m, generate_series(1, 3) n;

insert into study_session
select row_number() over (order by m.id, n), m.learner_id, m.id, m.scheduled_on + interval '7 hours' + pg_temp.below(14, pg_temp.bits(m.id, 4)) * interval '1 hour' + n * interval '20 min',
  5 + pg_temp.below(50, pg_temp.bits(m.id * 2 + n, 5)), 1 + pg_temp.below(100, pg_temp.bits(m.id * 2 + n, 6))
from mission m, generate_series(1, 2) n where m.status in ('completed', 'active');

-- Sessions in order of time, about ten events each.
insert into behavioral_event
select i, s.learner_id, s.id, pg_temp.pick('{card.viewed,card.viewed,card.viewed,card.viewed,answer.given,answer.given,pause.taken,hint.asked,struggle.shown,goal.reached}', h >> 20),
  s.started_at + pg_temp.below(3600, h) * interval '1 s', 200 + pg_temp.below(60000, h >> 12)
from scale, (select count(*) as sessions from study_session) c, generate_series(1, events) i, lateral (select pg_temp.bits(i, 7) as h, 1 + (i - 1)::bigint * sessions / events as session_id) x
  join study_session s on s.id = session_id;

insert into behavioral_pattern
select i, pg_temp.skewed(learners, h), pg_temp.pick('{time.of.day,session.length,content.type,attention.cycle,forgetting.curve}', h >> 24), pg_temp.below(1000, h >> 30) / 1000.0,
  timestamptz '2026-11-01' - pg_temp.below(300, h >> 12) * interval '1 day', json_build_object('seen', pg_temp.below(90, h >> 33))
from scale, generate_series(1, learners * 10) i, lateral (select pg_temp.bits(i, 8) as h) x;

insert into struggle_prediction
select o.id, o.learner_id, o.id, pg_temp.below(1000, h >> 20) / 1000.0, case when m.status = 'planned' then 'pending' else pg_temp.pick('{confirmed,false_alarm,false_alarm,prevented}', h >> 30) end,
  m.scheduled_on - interval '1 day'
from learning_objective o join mission m on m.id = o.mission_id, lateral (select pg_temp.bits(o.id, 9) as h) x where o.id % 2 = 0;

insert into recommendation
select p.id, p.learner_id, p.id, pg_temp.pick('{review.first,slow.down,other.format,break}', h >> 20), case when p.status = 'pending' then 'open' else pg_temp.pick('{applied,applied,dismissed}', h >> 30) end,
  1 + pg_temp.below(5, h), p.predicted_at + interval '1 hour'
from struggle_prediction p, lateral (select pg_temp.bits(p.id, 10) as h) x where p.probability > 0.3;

insert into personalisation_config
select i, 1 + i % learners, pg_temp.pick('{spaced,adaptive,visual,social}', pg_temp.bits(i, 11)), i <= learners, '{"pace": 1}', timestamptz '2026-11-01' - i * interval '1 hour'
from scale, generate_series(1, learners * 4) i;

insert into cognitive_load_metric
select row_number() over (order by s.id, n), s.learner_id, s.id, pg_temp.below(101, pg_temp.bits(s.id * 3 + n, 12)), array[pg_temp.pick('{time,difficulty,noise,fatigue}', pg_temp.bits(s.id, 13))],
  s.started_at + n * interval '5 min'
from study_session s, generate_series(1, 3) n;

insert into card select i, o.learner_id, o.id, 'Question ' || i from (select id, learner_id, row_number() over (order by id) as i from learning_objective where id % 2 = 1) o;

insert into review
select i, c.learner_id, c.id, pg_temp.pick('{1,2,3,3,3,4,4}', h >> 24)::smallint, 500 + pg_temp.below(20000, h >> 12), timestamptz '2026-11-01' - (events * 2 / 5 - i) * (interval '300 days' / (events * 2 / 5))
from scale, (select count(*)::integer as cards from card) n, generate_series(1, events * 2 / 5) i, lateral (select pg_temp.bits(i, 14) as h) x, lateral (select 1 + pg_temp.below(cards, h) as card_id) y
  join card c on c.id = card_id;

insert into search_query
select i, pg_temp.skewed(learners, h), 'term ' || pg_temp.skewed(500, h >> 20), case when pg_temp.below(20, h >> 33) = 0 then 0 else pg_temp.below(50, h >> 12) end,
  timestamptz '2026-11-01' - (events / 10 - i) * (interval '300 days' / (events / 10))
from scale, generate_series(1, events / 10) i, lateral (select pg_temp.bits(i, 15) as h) x;

insert into validation_response
select row_number() over (order by o.id), o.learner_id, o.id, pg_temp.below(101, pg_temp.bits(o.id, 16)), o.completed_at + interval '10 min' from learning_objective o where o.completed_at is not null;

insert into article_read
select i, pg_temp.skewed(learners, h), 'article ' || pg_temp.skewed(800, h >> 20), 10 + pg_temp.below(600, h >> 12), timestamptz '2026-11-01' - (events / 12 - i) * (interval '300 days' / (events / 12))
from scale, generate_series(1, events / 12) i, lateral (select pg_temp.bits(i, 17) as h) x;

drop table scale;
