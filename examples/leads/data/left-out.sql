-- Only GET /agents/:id/leads reads assignments by status, and (agent_id, status) serves it. With this one as well the planner takes it for some agents (x 0.75 in one run, x 3.07 in another), which is not worth writing each new assignment into a second index.
create index lead_assignment_status_assigned on lead_assignment (status, assigned_at);
-- Sixty carriers are one page, which is read whole whatever there is.
create index carrier_active_partnership on carrier (active, partnership_status);
create index carrier_tier_score on carrier (tier, score);
