-- One block a statement: its name, the function that it serves, and a query for its parameters, the hot and the rare.
-- The first word of a name is the group under which the page gives its reference figures.

-- name: user-login
-- serves: auth-login
-- values: select * from (values ('user1@example.com'), ('user1400@example.com')) v
select id, name, role, status, school_id from app_user where email = $1;

-- name: user-invited
-- serves: auth-register: invitations of a role that are still open
-- values: select * from (values ('vendor', 'invited'), ('school_admin', 'suspended')) v
select id, email, school_id, created_at from app_user where role = $1 and status = $2 order by created_at desc, id desc limit 20;

-- name: user-second-parents
-- serves: users-get: who else belongs to the account
-- values: select parent_id from (select parent_id, count(*) from app_user where parent_id is not null group by 1 order by 2 desc, 1 limit 2) v
select id, name, email from app_user where parent_id = $1 and status = 'active' order by id;

-- name: user-children
-- serves: users-get: the children of a parent with their cards
-- values: select * from (values (1), (3)) v
select s.id, s.name, s.class, (select count(*) from rfid_card c where c.student_id = s.id and c.active) as cards from student s where s.parent_id = $1 order by s.name, s.id;

-- name: user-staff
-- serves: users-get: staff of a school
-- values: select * from (values (1, 'teacher'), (5, 'vendor')) v
select id, name, email from app_user where school_id = $1 and role = $2 and status = 'active' order by id;

-- name: order-list
-- serves: orders-list: of a user, newest first
-- values: select * from (values (1), (1001)) v
select o.id, o.student_id, o.delivery_date, o.status, o.payment_status, o.total, o.created_at from meal_order o where o.user_id = $1 order by o.created_at desc, o.id desc limit 20;

-- name: order-kitchen
-- serves: orders-list: what a school's kitchen has to deliver on a day
-- values: select * from (values (1, date '2026-11-02', 'confirmed'), (4, date '2026-10-12', 'delivered')) v
select o.id, s.name, s.class, o.total from meal_order o join student s on s.id = o.student_id
where o.school_id = $1 and o.delivery_date = $2 and o.status = $3 order by s.class, s.name, o.id;

-- name: order-of-student
-- serves: orders-create: does the student have a meal on that day
-- values: select * from (values (1, date '2026-11-01'), (300, date '2026-08-01')) v
select id, delivery_date, status from meal_order where student_id = $1 and delivery_date >= $2 order by delivery_date, id;

-- name: order-unpaid
-- serves: monitoring-dashboard: delivered and not paid
select count(*) as orders, sum(total) as total from meal_order where status = 'delivered' and payment_status = 'unpaid';

-- name: class-list
-- serves: orders-create for a whole class
-- values: select * from (values (1, '5A'), (6, '12C')) v
select id, name from student where school_id = $1 and class = $2 order by name, id;

-- name: menu-of-day
-- serves: menus-daily
-- values: select * from (values (1, date '2026-06-02'), (6, date '2026-06-30')) v
select m.id, m.name, m.category, m.price, d.stock from daily_menu d join menu_item m on m.id = d.menu_item_id where d.school_id = $1 and d.served_on = $2 order by m.category, m.id, d.id;

-- name: menu-items
-- serves: menus-daily: dishes to choose from
-- values: select * from (values (1, 'lunch'), (6, 'drink')) v
select id, name, price from menu_item where school_id = $1 and category = $2 and available order by price, id;

-- name: payment-of-order
-- serves: payments-create-order: the attempts so far
-- values: select * from (values (2), (4000)) v
select p.id, p.status, p.amount, (select count(*) from payment x where x.payment_order_id = p.id and x.status = 'failed') as failures
from payment_order p where p.order_id = $1 order by p.created_at, p.id;

-- name: payment-verify
-- serves: payments-verify: the gateway calls back
-- values: select 'order_' || md5('payment 2') union all select 'order_' || md5('payment 4444')
select p.id, p.order_id, p.amount, p.status from payment_order p where p.gateway_reference = $1;

-- name: payment-orders-of-user
-- serves: payments-create-order: unfinished ones of a user, newest first
-- values: select * from (values (1), (77)) v
select id, order_id, amount, status, created_at from payment_order where user_id = $1 order by created_at desc, id desc limit 10;

-- name: payment-history
-- serves: users-get: payments of a user, newest first
-- values: select * from (values (1), (77)) v
select id, amount, method, status, created_at from payment where user_id = $1 order by created_at desc, id desc limit 20;

-- name: payment-stuck
-- serves: monitoring-dashboard: attempts without an end, newest first
-- values: select * from (values ('attempted'), ('failed')) v
select id, order_id, user_id, amount, created_at from payment_order where status = $1 order by created_at desc, id desc limit 50;

-- name: payment-refunds
-- serves: monitoring-dashboard: failed or refunded in the last week
-- values: select * from (values ('refunded', timestamptz '2026-10-25'), ('failed', timestamptz '2026-10-25')) v
select count(*) as payments, coalesce(sum(amount), 0) as total from payment where status = $1 and created_at >= $2;

-- name: subscription-of-user
-- serves: users-get: subscriptions of a user
-- values: select user_id from (select user_id, count(*) from subscription group by 1 order by 2 desc, 1 limit 2) v
select id, student_id, next_billing from subscription where user_id = $1 and status = 'active' order by id;

-- name: subscription-of-student
-- serves: orders-create: is the meal covered
-- values: select student_id from subscription where id in (1, 100) order by id
select id, status, next_billing from subscription where student_id = $1 and status <> 'cancelled' order by id;

-- name: subscription-due
-- serves: payments-create-order: what is due to be billed, the longest due first
-- values: select * from (values (date '2026-11-05')) v
select id, user_id, next_billing from subscription where status = 'active' and next_billing <= $1 order by next_billing, id limit 100;

-- name: subscription-of-school
-- serves: monitoring-dashboard: subscriptions of a school
-- values: select * from (values (1), (6)) v
select count(*) as active from subscription where school_id = $1 and status = 'active';

-- name: invoice-of-user
-- serves: users-get: invoices, newest first
-- values: select user_id from subscription where id in (1, 100) order by id
select id, number, status, amount, due_date from invoice where user_id = $1 order by due_date desc, id desc limit 12;

-- name: invoice-overdue
-- serves: monitoring-dashboard: overdue since
-- values: select * from (values (date '2026-06-01')) v
select id, number, user_id, amount, due_date from invoice where status = 'overdue' and due_date < $1 order by due_date, id limit 100;

-- name: invoice-of-subscription
-- serves: payments-create-order: the last invoice of a subscription
-- values: select * from (values (1), (99)) v
select id, number, status, due_date from invoice where subscription_id = $1 order by due_date desc, id desc limit 1;

-- name: invoice-by-number
-- serves: payments-verify: a payment by its invoice
-- values: select number from invoice where id in (1, 500) order by id
select id, user_id, status, amount from invoice where number = $1;

-- name: card-verify
-- serves: rfid-verify-card
-- values: select md5('card 1') union all select md5('card 1800')
select c.id, c.active, s.id as student_id, s.name, s.class from rfid_card c join student s on s.id = c.student_id where c.uid = $1;

-- name: card-new
-- serves: rfid-verify-card: cards of a school that were issued last
-- values: select * from (values (1), (6)) v
select id, student_id, issued_at from rfid_card where school_id = $1 and active order by issued_at desc, id desc limit 20;
