-- One block a statement: its name, what it serves, and a query for its parameters, the hot and the rare.

-- name: leads-of-agent
-- serves: GET /agents/:id/leads
-- values: select * from (values (1, 'open'), (2, 'contacted'), (400, 'escalated')) v
select a.id, a.status, a.assigned_at, l.id as lead_id, l.status as lead_status, l.insurance_type, l.quality_score, l.zip_code, l.contact_name
from lead_assignment a join lead l on l.id = a.lead_id where a.agent_id = $1 and a.status = $2 order by a.assigned_at desc, a.id desc limit 20;

-- name: lead-detail
-- serves: GET /leads/:id
-- values: select id from lead where id in (7, (select max(id) from lead)) order by 1
select l.*, (select coalesce(json_agg(json_build_object('id', a.id, 'agent', g.name, 'status', a.status) order by a.id), '[]') from lead_assignment a join agent g on g.id = a.agent_id
    where a.lead_id = l.id) as assignments,
  (select coalesce(json_agg(json_build_object('id', e.id, 'type', e.type) order by e.id), '[]') from event e where e.entity_type = 'lead' and e.entity_id = l.id) as events
from lead l where l.id = $1;

-- name: lead-assignments-open
-- serves: POST /assignments: who has the lead
-- values: select * from (values (7), (11)) v
select id, agent_id, assigned_at from lead_assignment where lead_id = $1 and status in ('open', 'contacted') order by id;

-- name: leads-by-status
-- serves: GET /leads?status=, newest first; warming of recent leads
-- values: select * from (values ('new'), ('escalated')) v
select l.id, l.status, l.insurance_type, l.quality_score, l.zip_code, l.contact_name, l.created_at from lead l where l.status = $1 order by l.created_at desc, l.id desc limit 20;

-- name: leads-by-zip
-- serves: GET /leads?zip=&type=
-- values: select zip_code, insurance_type from lead where id in (5, 4000) order by id
select l.id, l.status, l.quality_score, l.created_at from lead l where l.zip_code = $1 and l.insurance_type = $2 order by l.created_at desc, l.id desc limit 20;

-- name: leads-good
-- serves: dashboard: how many good leads of a type there are, by score
-- values: select * from (values ('auto'), ('business')) v
select quality_score, count(*) as leads from lead where insurance_type = $1 and quality_score >= 95 group by quality_score order by quality_score desc;

-- name: leads-of-source
-- serves: dashboard: what becomes of the leads of a source
-- values: select * from (values ('fair'), ('web')) v
select status, count(*) as leads from lead where source = $1 group by status order by status;

-- name: agents-free
-- serves: availability: active agents with least to do
select id, name, current_lead_count from agent where active order by current_lead_count, id limit 10;

-- name: agents-near
-- serves: availability: agents of a place with a speciality
-- values: select state, city from agent where id in (1, 300) order by id
select id, name, specialisations, current_lead_count from agent where state = $1 and city = $2 and active order by current_lead_count, id limit 10;

-- name: agents-best
-- serves: warming of active agents: the best rated
select id, name, rating from agent where rating >= 4.9 and active order by rating desc, id limit 20;

-- name: events-of-lead
-- serves: GET /leads/:id, its history
-- values: select entity_id from event where id in (3, 1999) order by id
select id, type, source, occurred_at from event where entity_type = 'lead' and entity_id = $1 order by occurred_at desc, id desc limit 10;

-- name: events-of-type
-- serves: dashboard: complaints and calls, newest first
-- values: select * from (values ('complained'), ('viewed')) v
select id, entity_id, source, occurred_at from event where type = $1 order by occurred_at desc, id desc limit 20;

-- name: events-of-source
-- serves: dashboard: what an import has brought, newest first
-- values: select * from (values ('import'), ('app')) v
select id, entity_id, type, occurred_at from event where source = $1 order by occurred_at desc, id desc limit 20;

-- name: carriers
-- serves: GET /carriers; warming of carrier performance and metadata
select id, name, tier, score from carrier where active and partnership_status = 'partner' order by tier, score desc, id;
