-- issue
create index issue_organisation_created on issue (organisation_id, created_at);
create index issue_severity_created_unresolved on issue (severity, created_at) where not resolved;
create index issue_project_created on issue (project_id, created_at);
create index issue_detector_created on issue (detector, created_at);
create index issue_project_severity_resolved_created on issue (project_id, severity, resolved, created_at);
-- run
create index run_project_status_created on run (project_id, status, created_at);
create index run_organisation_created_success on run (organisation_id, created_at) where status = 'success';
create index run_organisation_status_created on run (organisation_id, status, created_at);
-- website_test
create index website_test_url_created on website_test (url, created_at);
create index website_test_project_created_failed on website_test (project_id, created_at) where status = 'failed';
create index website_test_project_status_created on website_test (project_id, status, created_at);
-- session
create index session_user_expires on session (user_id, expires_at);
create unique index session_token on session (token);
-- app_user
create unique index app_user_email_active on app_user (email) where active;
create index app_user_organisation_created on app_user (organisation_id, created_at);
-- api_key
create unique index api_key_hash_active on api_key (key_hash) where active;
create index api_key_user_created on api_key (user_id, created_at);
create index api_key_organisation_created on api_key (organisation_id, created_at);
-- audit_log
create index audit_log_user_created on audit_log (user_id, created_at);
create index audit_log_organisation_created on audit_log (organisation_id, created_at);
create index audit_log_action_created_error on audit_log (action, created_at) where severity in ('error', 'critical');
