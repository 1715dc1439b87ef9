-- One block a statement: its name, the procedure that it serves, and a query for its parameters, the hot and the rare.

-- name: issues-of-organisation
-- serves: insight.getIssues of an organisation, newest first
-- values: select * from (values (1), ((select max(id) from organisation))) v
select id, project_id, detector, severity, resolved, title, created_at from issue where organisation_id = $1 order by created_at desc, id desc limit 20;

-- name: issues-of-project
-- serves: insight.getIssues of a project, newest first
-- values: select * from (values (1), ((select max(id) from project))) v
select id, detector, severity, resolved, title, created_at from issue where project_id = $1 order by created_at desc, id desc limit 20;

-- name: open-issues-of-project
-- serves: insight.getIssues of a project, by severity, unresolved
-- values: select * from (values (1, 'critical'), (2, 'low'), ((select max(id) from project), 'high')) v
select id, detector, title, created_at from issue where project_id = $1 and severity = $2 and resolved = false order by created_at desc, id desc limit 20;

-- name: count-open-issues-of-project
-- serves: insight.getIssues, the total of the page
-- values: select * from (values (1, 'critical'), (2, 'low')) v
select count(*) as total from issue where project_id = $1 and severity = $2 and resolved = false;

-- name: open-issues-everywhere
-- serves: insight.getIssues for the studio's own staff: the newest unresolved of a severity, over all tenants
-- values: select * from (values ('critical'), ('low')) v
select id, organisation_id, project_id, detector, title, created_at from issue where severity = $1 and not resolved order by created_at desc, id desc limit 50;

-- name: issues-of-detector
-- serves: insight.getIssues of a detector for its authors, newest first, over all tenants
-- values: select * from (values ('detector-1'), ('detector-190')) v
select id, organisation_id, project_id, severity, resolved, title, created_at from issue where detector = $1 order by created_at desc, id desc limit 50;

-- name: runs-of-project
-- serves: autopilot.getRuns of a project by status
-- values: select * from (values (1, 'success'), (1, 'running'), (9, 'failed')) v
select id, status, files_changed, duration_ms, created_at from run where project_id = $1 and status = $2 order by created_at desc, id desc limit 20;

-- name: runs-of-organisation
-- serves: autopilot.getRuns of an organisation by status
-- values: select * from (values (1, 'failed'), (1, 'queued'), (7, 'failed')) v
select id, project_id, status, files_changed, created_at from run where organisation_id = $1 and status = $2 order by created_at desc, id desc limit 20;

-- name: successful-runs
-- serves: autopilot.getRuns of an organisation, what was repaired
-- values: select * from (values (1), (11)) v
select id, project_id, files_changed, duration_ms, created_at from run where organisation_id = $1 and status = 'success' order by created_at desc, id desc limit 20;

-- name: tests-of-url
-- serves: guardian.getTests of a URL, its history
-- values: select * from (values ('https://site1.example.com/0'), ('https://site9.example.com/3')) v
select id, status, duration_ms, created_at from website_test where url = $1 order by created_at desc, id desc limit 20;

-- name: failed-tests-of-project
-- serves: guardian.getTests of a project that failed
-- values: select * from (values (1), (40)) v
select id, url, duration_ms, created_at from website_test where project_id = $1 and status = 'failed' order by created_at desc, id desc limit 20;

-- name: tests-of-project
-- serves: guardian.getTests of a project by status
-- values: select * from (values (1, 'passed'), (5, 'skipped')) v
select id, url, duration_ms, created_at from website_test where project_id = $1 and status = $2 order by created_at desc, id desc limit 20;

-- name: issue-metrics
-- serves: analytics.getMetrics, issues of the last thirty days
-- values: select * from (values (1, timestamptz '2026-10-02'), (9, timestamptz '2026-10-02')) v
select severity, count(*) as found, count(*) filter (where resolved) as resolved from issue where organisation_id = $1 and created_at >= $2 group by severity order by severity;

-- name: run-metrics
-- serves: analytics.getMetrics, successful runs of the last thirty days
-- values: select * from (values (1, timestamptz '2026-10-02'), (9, timestamptz '2026-10-02')) v
select count(*) as runs, coalesce(sum(files_changed), 0) as files, round(avg(duration_ms)) as average_ms from run where organisation_id = $1 and status = 'success' and created_at >= $2;

-- name: organisation
-- serves: organisations
-- values: select * from (values (1), (5)) v
select o.*, (select count(*) from project p where p.organisation_id = o.id) as projects from organisation o where o.id = $1;

-- name: session-by-token
-- serves: every call: who is it
-- values: select md5('session 1') union all select md5('session 777')
select s.id, s.user_id, s.expires_at, u.organisation_id from session s join app_user u on u.id = s.user_id where s.token = $1;

-- name: sessions-of-user
-- serves: sessions of a user that are still valid
-- values: select * from (values (1, timestamptz '2026-11-01'), (8, timestamptz '2026-11-01')) v
select id, expires_at from session where user_id = $1 and expires_at > $2 order by expires_at desc, id desc;

-- name: user-by-email
-- serves: sign-in
-- values: select * from (values ('user2@example.com'), ('user1999@example.com')) v
select id, organisation_id, name from app_user where email = $1 and active;

-- name: users-of-organisation
-- serves: organisations, members newest first
-- values: select * from (values (1), (9)) v
select id, email, name, active, created_at from app_user where organisation_id = $1 order by created_at desc, id desc limit 20;

-- name: key-by-hash
-- serves: every call with an API key
-- values: select md5('key 1') union all select md5('key 3')
select id, organisation_id, user_id from api_key where key_hash = $1 and active;

-- name: keys-of-user
-- serves: API keys of a user
-- values: select * from (values (1), (3)) v
select id, active, created_at from api_key where user_id = $1 order by created_at desc, id desc;

-- name: keys-of-organisation
-- serves: API keys of an organisation
-- values: select * from (values (1), (6)) v
select id, user_id, active, created_at from api_key where organisation_id = $1 order by created_at desc, id desc limit 20;

-- name: audit-of-user
-- serves: audit log of a user
-- values: select * from (values (1), (11)) v
select id, action, severity, created_at from audit_log where user_id = $1 order by created_at desc, id desc limit 20;

-- name: audit-of-organisation
-- serves: audit log of an organisation
-- values: select * from (values (1), (8)) v
select id, user_id, action, severity, created_at from audit_log where organisation_id = $1 order by created_at desc, id desc limit 20;

-- name: audit-errors
-- serves: audit log of an action, errors only
-- values: select * from (values ('login'), ('billing.change')) v
select id, organisation_id, user_id, severity, created_at from audit_log where action = $1 and severity in ('error', 'critical') order by created_at desc, id desc limit 20;
