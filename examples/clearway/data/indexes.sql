-- capital_call
-- With what the dashboard adds up: of the busiest user it then reads 200 pages of the index instead of 8,500 of the table. Of its columns only approved_at changes with a
-- call, and that has an index of its own, so no update in place is lost. It costs 48 MB for each million calls.
create index capital_call_user_status on capital_call (user_id, status) include (amount, due_date, created_at, approved_at);
create index capital_call_user_due on capital_call (user_id, due_date);
create index capital_call_user_fund on capital_call (user_id, fund_name);
create index capital_call_approved on capital_call (approved_at);
-- document
create index document_user_status on document (user_id, status);
create index document_organisation_uploaded on document (organisation_id, uploaded_at);
-- Not on the page, and without it every list reads all payments once for each call: the nested JSON looks up by this foreign key.
create index payment_call on payment (capital_call_id);
