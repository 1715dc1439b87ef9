-- patterns
create index behavioral_pattern_learner_confidence on behavioral_pattern (learner_id, confidence desc);
create index behavioral_pattern_learner_kind on behavioral_pattern (learner_id, kind, detected_at);
-- missions
create index mission_learner_scheduled on mission (learner_id, scheduled_on);
create index mission_learner_status on mission (learner_id, status);
-- sessions
create index study_session_learner_started on study_session (learner_id, started_at);
create index study_session_mission_started on study_session (mission_id, started_at);
-- objectives
create index learning_objective_mission_completed on learning_objective (mission_id, completed_at);
create index learning_objective_learner_topic on learning_objective (learner_id, topic);
create index learning_objective_learner_completed on learning_objective (learner_id, completed_at);
-- events
create index behavioral_event_learner_occurred on behavioral_event (learner_id, occurred_at);
create index behavioral_event_learner_kind_occurred on behavioral_event (learner_id, kind, occurred_at);
create index behavioral_event_session_kind on behavioral_event (session_id, kind);
-- predictions
create index struggle_prediction_learner_predicted on struggle_prediction (learner_id, predicted_at);
create index struggle_prediction_learner_status on struggle_prediction (learner_id, status);
create index struggle_prediction_objective_predicted on struggle_prediction (objective_id, predicted_at);
create index struggle_prediction_status_probability on struggle_prediction (status, probability);
-- recommendations
create index recommendation_learner_status_priority on recommendation (learner_id, status, priority);
create index recommendation_prediction_kind on recommendation (prediction_id, kind);
create index recommendation_learner_created on recommendation (learner_id, created_at);
-- personalisation
create index personalisation_config_learner_active on personalisation_config (learner_id, active);
-- cognitive load
create index cognitive_load_metric_learner_measured on cognitive_load_metric (learner_id, measured_at);
create index cognitive_load_metric_session_measured on cognitive_load_metric (session_id, measured_at);
-- reviews
create index review_learner_reviewed on review (learner_id, reviewed_at);
create index review_card_reviewed on review (card_id, reviewed_at);
-- search
create index search_query_learner_searched on search_query (learner_id, searched_at);
create index search_query_term_searched on search_query (term, searched_at);
-- validation and articles
create index validation_response_learner_answered on validation_response (learner_id, answered_at);
create index article_read_learner_read on article_read (learner_id, read_at);
