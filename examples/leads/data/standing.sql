-- How agents do, refreshed by a job with REFRESH MATERIALIZED VIEW CONCURRENTLY, for which the unique index is there.
create materialized view agent_standing as
select agent_id, count(*)::int as assignments, (count(*) filter (where status = 'won'))::int as won, (count(*) filter (where status in ('won', 'lost')))::int as closed
from lead_assignment group by agent_id;
create unique index agent_standing_agent on agent_standing (agent_id);
