-- One block a statement: its name, the endpoint that it serves, and a query for its parameters, the hot and the rare.
-- The first word of a name is the endpoint under which the page gives its reference figures.

-- name: patterns-strongest
-- serves: analytics patterns
-- values: select * from (values (1), ((select max(id) from learner))) v
select id, kind, confidence, detected_at, evidence from behavioral_pattern where learner_id = $1 and confidence >= 0.6 order by confidence desc, id limit 10;

-- name: patterns-of-kind
-- serves: analytics patterns, how one has developed
-- values: select * from (values (1, 'session.length'), (9, 'time.of.day')) v
select id, confidence, detected_at from behavioral_pattern where learner_id = $1 and kind = $2 order by detected_at desc, id desc limit 10;

-- name: patterns-by-hour
-- serves: analytics patterns, attention by hour of the day
-- values: select * from (values (1, timestamptz '2026-10-01'), (30, timestamptz '2026-10-01')) v
select extract(hour from occurred_at at time zone 'UTC')::integer as hour, kind, count(*) as events, round(avg(duration_ms)) as average_ms
from behavioral_event where learner_id = $1 and occurred_at >= $2 group by 1, 2 order by 1, 2;

-- name: patterns-struggles
-- serves: analytics patterns, when a learner struggles
-- values: select * from (values (1, timestamptz '2025-11-01'), (30, timestamptz '2025-11-01')) v
select date_trunc('week', occurred_at at time zone 'UTC') as week, count(*) as struggles from behavioral_event
where learner_id = $1 and kind = 'struggle.shown' and occurred_at >= $2 group by 1 order by 1;

-- name: missions-summary
-- serves: missions summary
-- values: select * from (values (1, date '2026-08-01'), (30, date '2026-08-01')) v
select m.id, m.scheduled_on, m.status, m.minutes_planned, m.minutes_actual,
  (select count(*) from learning_objective o where o.mission_id = m.id) as objectives,
  (select count(*) from learning_objective o where o.mission_id = m.id and o.completed_at is not null) as completed,
  (select coalesce(sum(s.minutes), 0) from study_session s where s.mission_id = m.id) as studied
from mission m where m.learner_id = $1 and m.scheduled_on >= $2 order by m.scheduled_on desc, m.id desc limit 60;

-- name: missions-active
-- serves: missions summary, what is under way
-- values: select * from (values (1, 'active'), (30, 'planned')) v
select id, scheduled_on, minutes_planned from mission where learner_id = $1 and status = $2 order by scheduled_on, id limit 20;

-- name: dashboard-sessions
-- serves: behavioural-insights dashboard
-- values: select * from (values (1, timestamptz '2026-09-01'), (30, timestamptz '2026-09-01')) v
select date_trunc('day', started_at at time zone 'UTC')::date as day, count(*) as sessions, sum(minutes) as minutes, round(avg(focus), 1) as focus
from study_session where learner_id = $1 and started_at >= $2 group by 1 order by 1;

-- name: dashboard-session-events
-- serves: behavioural-insights dashboard, what happened in the last sessions
-- values: select * from (values (1), (30)) v
select s.id, s.started_at, (select count(*) from behavioral_event e where e.session_id = s.id and e.kind = 'hint.asked') as hints,
  (select count(*) from behavioral_event e where e.session_id = s.id and e.kind = 'struggle.shown') as struggles,
  (select round(avg(m.load), 1) from cognitive_load_metric m where m.session_id = s.id) as load
from study_session s where s.learner_id = $1 order by s.started_at desc, s.id desc limit 30;

-- name: dashboard-reviews
-- serves: behavioural-insights dashboard, retention
-- values: select * from (values (1, timestamptz '2026-10-01'), (30, timestamptz '2026-10-01')) v
select rating, count(*) as reviews, round(avg(took_ms)) as average_ms from review where learner_id = $1 and reviewed_at >= $2 group by rating order by rating;

-- name: dashboard-topics
-- serves: behavioural-insights dashboard, topics
-- values: select * from (values (1, 'topic 1'), (30, 'topic 40')) v
select complexity, count(*) as objectives, count(completed_at) as completed from learning_objective where learner_id = $1 and topic = $2 group by complexity order by complexity;

-- name: dashboard-completed
-- serves: behavioural-insights dashboard, what was completed last
-- values: select * from (values (1), (30)) v
select id, topic, completed_at from learning_objective where learner_id = $1 and completed_at is not null order by completed_at desc, id desc limit 10;

-- name: dashboard-reading
-- serves: behavioural-insights dashboard, articles
-- values: select * from (values (1), (30)) v
select article, seconds, read_at from article_read where learner_id = $1 order by read_at desc, id desc limit 10;

-- name: dashboard-searches
-- serves: behavioural-insights dashboard, searches
-- values: select * from (values (1), (30)) v
select term, result_count, searched_at from search_query where learner_id = $1 order by searched_at desc, id desc limit 10;

-- name: dashboard-term
-- serves: behavioural-insights dashboard, who else searched for it this month
-- values: select * from (values ('term 1', timestamptz '2026-10-01'), ('term 400', timestamptz '2026-10-01')) v
select count(*) as searches, count(distinct learner_id) as learners from search_query where term = $1 and searched_at >= $2;

-- name: predictions-input
-- serves: predictions generate: planned objectives with the history of their topic
-- values: select * from (values (1), (30)) v
select o.id, o.topic, o.complexity, (select count(*) from learning_objective h where h.learner_id = o.learner_id and h.topic = o.topic and h.completed_at is not null) as done,
  (select max(p.probability) from struggle_prediction p where p.objective_id = o.id) as known
from mission m join learning_objective o on o.mission_id = m.id where m.learner_id = $1 and m.status = 'planned' order by o.id limit 50;

-- name: predictions-validation
-- serves: predictions generate: how the learner did lately
-- values: select * from (values (1), (30)) v
select objective_id, score, answered_at from validation_response where learner_id = $1 order by answered_at desc, id desc limit 30;

-- name: predictions-cards
-- serves: predictions generate: reviews of a card
-- values: select * from (values (1), (99)) v
select rating, took_ms, reviewed_at from review where card_id = $1 order by reviewed_at desc, id desc limit 10;

-- name: predictions-pending
-- serves: predictions generate: likely struggles of everybody that wait for a check
-- values: select * from (values (0.5), (0.99)) v
select id, learner_id, objective_id, probability from struggle_prediction where status = 'pending' and probability >= $1 order by probability desc, id limit 50;

-- name: stress-profile
-- serves: stress profile
-- values: select * from (values (1, timestamptz '2026-08-01'), (30, timestamptz '2026-08-01')) v
select stress[1] as cause, count(*) as seen, round(avg(load), 1) as load from cognitive_load_metric where learner_id = $1 and measured_at >= $2 and load >= 60 group by 1 order by 1;

-- name: struggle-reduction
-- serves: struggle reduction
-- values: select * from (values (1), (30)) v
select status, count(*) as predictions, round(avg(probability), 3) as probability from struggle_prediction where learner_id = $1 and predicted_at >= timestamptz '2026-06-01' group by status order by status;

-- name: struggle-applied
-- serves: struggle reduction: predictions that came true, and what was recommended
-- values: select * from (values (1), (30)) v
select p.id, p.probability, (select count(*) from recommendation r where r.prediction_id = p.id and r.kind = 'review.first') as recommended
from struggle_prediction p where p.learner_id = $1 and p.status = 'confirmed' order by p.id desc limit 20;

-- name: load-current
-- serves: cognitive load current
-- values: select * from (values (1), (30)) v
select load, stress, measured_at from cognitive_load_metric where learner_id = $1 order by measured_at desc, id desc limit 12;

-- name: interventions-open
-- serves: interventions
-- values: select * from (values (1), (30)) v
select id, kind, priority, created_at from recommendation where learner_id = $1 and status = 'open' order by priority, id limit 10;

-- name: interventions-recent
-- serves: interventions, the last ones
-- values: select * from (values (1), (30)) v
select id, kind, status, created_at from recommendation where learner_id = $1 order by created_at desc, id desc limit 10;

-- name: interventions-config
-- serves: interventions: how the learner wants them
-- values: select * from (values (1), (30)) v
select strategy, settings from personalisation_config where learner_id = $1 and active order by id;
