-- Refreshed hourly with REFRESH MATERIALIZED VIEW CONCURRENTLY, so that readers are never blocked: that is what the unique indexes are for.

create materialized view fund_performance_summary as
select fund_name, count(*) as calls, sum(amount) as total_amount, round(avg(amount), 2) as average_amount,
  count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'approved') as approved, count(*) filter (where status = 'paid') as paid,
  count(*) filter (where status = 'overdue') as overdue, count(*) filter (where status = 'rejected') as rejected,
  round((count(*) filter (where paid_at::date <= due_date))::numeric / nullif(count(*) filter (where status = 'paid'), 0), 4) as on_time_rate
from capital_call group by fund_name;
create unique index fund_performance_summary_fund on fund_performance_summary (fund_name);

create materialized view monthly_call_summary as
select user_id, date_trunc('month', created_at at time zone 'UTC')::date as month, count(*) as calls, sum(amount) as total_amount,
  count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'approved') as approved, count(*) filter (where status = 'paid') as paid,
  count(*) filter (where status = 'overdue') as overdue, count(*) filter (where status = 'rejected') as rejected
from capital_call group by 1, 2;
create unique index monthly_call_summary_user_month on monthly_call_summary (user_id, month);
