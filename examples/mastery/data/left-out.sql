-- Every endpoint asks for the events of one learner or one session; none asks for a kind over all learners.
create index behavioral_event_kind_occurred on behavioral_event (kind, occurred_at);
-- No endpoint asks who is on a strategy; configurations are read by learner.
create index personalisation_config_strategy_active on personalisation_config (strategy, active);
-- Configurations of a learner are read by `active`, never by their time; four rows a learner need no order.
create index personalisation_config_learner_updated on personalisation_config (learner_id, updated_at);
-- High loads are asked for within a time, which (learner, measured) bounds first; the load alone bounds nothing.
create index cognitive_load_metric_learner_load on cognitive_load_metric (learner_id, load);
-- No endpoint asks for searches without a result.
create index search_query_learner_results on search_query (learner_id, result_count);
