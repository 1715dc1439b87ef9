-- What the page names and schema.sql leaves out on purpose, see there: the first is what the demonstration finds and repairs.
create index lead_assignment_agent_status on lead_assignment (agent_id, status);
