-- app_user: by role and status, by school, by parent
create unique index app_user_email on app_user (email);
create index app_user_role_status on app_user (role, status, created_at);
create index app_user_school_role on app_user (school_id, role, status);
create index app_user_parent on app_user (parent_id, status);
-- student
create index student_parent on student (parent_id, name);
create index student_school_class on student (school_id, class);
-- menus
create index menu_item_school_category on menu_item (school_id, category, available);
create index daily_menu_school_served on daily_menu (school_id, served_on);
-- meal_order: by user and newest, school with delivery date and status, student with date, status with payment status
create index meal_order_user_created on meal_order (user_id, created_at desc);
create index meal_order_school_delivery_status on meal_order (school_id, delivery_date, status);
create index meal_order_student_delivery on meal_order (student_id, delivery_date);
create index meal_order_status_payment on meal_order (status, payment_status);
-- payment_order
create index payment_order_order on payment_order (order_id, created_at);
create index payment_order_user_created on payment_order (user_id, created_at desc);
create index payment_order_status_created on payment_order (status, created_at);
create unique index payment_order_reference on payment_order (gateway_reference);
-- payment
create index payment_payment_order_status on payment (payment_order_id, status);
create index payment_user_created on payment (user_id, created_at desc);
create index payment_status_created on payment (status, created_at);
-- subscription
create index subscription_user_status on subscription (user_id, status);
create index subscription_student_status on subscription (student_id, status);
create index subscription_status_billing on subscription (status, next_billing);
create index subscription_school_status on subscription (school_id, status);
-- invoice
create index invoice_user_due on invoice (user_id, due_date desc);
create index invoice_status_due on invoice (status, due_date);
create index invoice_subscription_due on invoice (subscription_id, due_date desc);
create unique index invoice_number on invoice (number);
-- rfid_card
create unique index rfid_card_uid on rfid_card (uid);
create index rfid_card_student_active on rfid_card (student_id, active);
create index rfid_card_school_active on rfid_card (school_id, active, issued_at);
