-- One block a statement: its name, the endpoint that it serves, and a query for its parameters, the hot and the rare.
-- What follows `-- view` answers the same out of a materialized view.

-- name: calls-by-status
-- serves: capital call list, filtered by status
-- values: select * from (values (1, 'paid'), (1, 'overdue'), (2, 'pending'), ((select max(id) from app_user), 'approved')) v
select c.id, c.fund_name, c.amount, c.currency, c.due_date, c.status, c.created_at,
  (select json_build_object('id', d.id, 'title', d.title, 'status', d.status) from document d where d.id = c.document_id) as document,
  (select coalesce(json_agg(json_build_object('id', p.id, 'amount', p.amount, 'paidAt', p.paid_at) order by p.id), '[]') from payment p where p.capital_call_id = c.id) as payments
from capital_call c where c.user_id = $1 and c.status = $2 order by c.due_date desc, c.id desc limit 20;

-- name: calls-by-fund
-- serves: capital call list, filtered by fund
-- values: select * from (values (1, 'Fund 1-1'), (1, 'Fund 1-7'), (2, 'Fund 2-3')) v
select c.id, c.fund_name, c.amount, c.currency, c.due_date, c.status, c.created_at,
  (select json_build_object('id', d.id, 'title', d.title, 'status', d.status) from document d where d.id = c.document_id) as document,
  (select coalesce(json_agg(json_build_object('id', p.id, 'amount', p.amount, 'paidAt', p.paid_at) order by p.id), '[]') from payment p where p.capital_call_id = c.id) as payments
from capital_call c where c.user_id = $1 and c.fund_name = $2 order by c.id desc limit 20;

-- name: calls-by-due-date
-- serves: capital call list, filtered by a range of due dates
-- values: select * from (values (1, date '2026-10-01', date '2026-10-31'), (3, date '2025-01-01', date '2025-01-31')) v
select c.id, c.fund_name, c.amount, c.currency, c.due_date, c.status, c.created_at,
  (select json_build_object('id', d.id, 'title', d.title, 'status', d.status) from document d where d.id = c.document_id) as document,
  (select coalesce(json_agg(json_build_object('id', p.id, 'amount', p.amount, 'paidAt', p.paid_at) order by p.id), '[]') from payment p where p.capital_call_id = c.id) as payments
from capital_call c where c.user_id = $1 and c.due_date between $2 and $3 order by c.due_date, c.id limit 20;

-- name: call-detail
-- serves: capital call detail
-- values: select id from capital_call where id in (2, 4, (select max(id) / 2 from capital_call)) order by 1
select c.*,
  (select json_build_object('id', d.id, 'title', d.title, 'status', d.status, 'uploadedAt', d.uploaded_at) from document d where d.id = c.document_id) as document,
  (select coalesce(json_agg(json_build_object('id', p.id, 'amount', p.amount, 'method', p.method, 'paidAt', p.paid_at) order by p.id), '[]') from payment p where p.capital_call_id = c.id) as payments
from capital_call c where c.id = $1;

-- name: dashboard-metrics
-- serves: dashboard metrics
-- values: select * from (values (1, date '2026-11-01'), ((select max(id) from app_user), date '2026-11-01')) v
select count(*) as calls, sum(amount) as total_amount, avg(approved_at - created_at) as average_response,
  count(*) filter (where status in ('pending', 'approved') and due_date >= $2) as upcoming, count(*) filter (where status = 'overdue') as overdue,
  round((count(*) filter (where status = 'paid'))::numeric / greatest(count(*), 1), 4) as payment_rate
from capital_call where user_id = $1;

-- name: fund-list
-- serves: fund list of a user
-- values: select * from (values (1), (7)) v
select fund_name, count(*) as calls from capital_call where user_id = $1 group by fund_name order by fund_name;

-- name: fund-performance
-- serves: fund performance
select fund_name, count(*) as calls, sum(amount) as total_amount, round(avg(amount), 2) as average_amount,
  count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'approved') as approved, count(*) filter (where status = 'paid') as paid,
  count(*) filter (where status = 'overdue') as overdue, count(*) filter (where status = 'rejected') as rejected,
  round((count(*) filter (where paid_at::date <= due_date))::numeric / nullif(count(*) filter (where status = 'paid'), 0), 4) as on_time_rate
from capital_call group by fund_name order by sum(amount) desc, fund_name limit 20;
-- view
select * from fund_performance_summary order by total_amount desc, fund_name limit 20;

-- name: monthly-analytics
-- serves: monthly analytics of a user
-- values: select * from (values (1), ((select max(id) from app_user))) v
select user_id, date_trunc('month', created_at at time zone 'UTC')::date as month, count(*) as calls, sum(amount) as total_amount,
  count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'approved') as approved, count(*) filter (where status = 'paid') as paid,
  count(*) filter (where status = 'overdue') as overdue, count(*) filter (where status = 'rejected') as rejected
from capital_call where user_id = $1 group by 1, 2 order by month;
-- view
select * from monthly_call_summary where user_id = $1 order by month;

-- name: recent-approvals
-- serves: recent activity, newest first, paged by key
-- values: select * from (values (timestamptz '2026-11-01'), (timestamptz '2026-03-01')) v
select id, user_id, fund_name, amount, approved_at from capital_call where approved_at < $1 order by approved_at desc, id desc limit 20;

-- name: recent-documents
-- serves: recent activity, documents of an organisation
-- values: select * from (values (1), ((select max(id) from organisation))) v
select id, title, status, uploaded_at from document where organisation_id = $1 order by uploaded_at desc, id desc limit 20;

-- name: documents-by-status
-- serves: recent activity, documents of a user that wait for something
-- values: select * from (values (1, 'uploaded'), (2, 'rejected')) v
select id, title, status, uploaded_at from document where user_id = $1 and status = $2 order by uploaded_at desc, id desc limit 20;

-- name: user-profile
-- serves: user profile
-- values: select * from (values (1), (9)) v
select u.id, u.email, u.name, u.role, o.name as organisation from app_user u join organisation o on o.id = u.organisation_id where u.id = $1;
