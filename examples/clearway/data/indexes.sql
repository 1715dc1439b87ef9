-- capital_call
create index capital_call_user_status on capital_call (user_id, status);
create index capital_call_user_due on capital_call (user_id, due_date);
create index capital_call_user_fund on capital_call (user_id, fund_name);
create index capital_call_approved on capital_call (approved_at);
-- document
create index document_user_status on document (user_id, status);
create index document_organisation_uploaded on document (organisation_id, uploaded_at);
-- Not on the page, and without it every list reads all payments once for each call: the nested JSON looks up by this foreign key.
create index payment_call on payment (capital_call_id);
