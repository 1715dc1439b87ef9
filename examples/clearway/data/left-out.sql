-- No endpoint filters or orders by amount: the list is filtered by status, fund and due date. Every write would pay for it.
create index capital_call_amount on capital_call (amount);
