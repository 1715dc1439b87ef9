-- No statement reads assignments by status alone, and with it the planner walks it backwards for a busy agent, past thousands of other agents' rows.
create index lead_assignment_status_assigned on lead_assignment (status, assigned_at);
-- Sixty carriers are one page, which is read whole whatever there is.
create index carrier_active_partnership on carrier (active, partnership_status);
create index carrier_tier_score on carrier (tier, score);
