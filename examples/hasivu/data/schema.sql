-- School meals, PostgreSQL 14 or newer. The rows of rows.sql come where the marker is: keys cost less over rows than row by row.

create table school (
  id integer not null,
  name text not null,
  city text not null
);

create table app_user (
  id integer not null,
  email text not null,
  name text not null,
  role text not null check (role in ('parent', 'teacher', 'vendor', 'school_admin', 'admin')),
  status text not null check (status in ('active', 'invited', 'suspended')),
  school_id integer not null,
  -- A second parent belongs to the account of the first.
  parent_id integer,
  created_at timestamptz(3) not null
);

create table student (
  id integer not null,
  school_id integer not null,
  parent_id integer not null,
  name text not null,
  class text not null
);

create table menu_item (
  id integer not null,
  school_id integer not null,
  name text not null,
  category text not null,
  price numeric(8, 2) not null,
  available boolean not null
);

create table daily_menu (
  id integer not null,
  school_id integer not null,
  menu_item_id integer not null,
  served_on date not null,
  stock integer not null
);

create table meal_order (
  id integer not null,
  user_id integer not null,
  student_id integer not null,
  school_id integer not null,
  delivery_date date not null,
  status text not null check (status in ('pending', 'confirmed', 'delivered', 'cancelled')),
  payment_status text not null check (payment_status in ('unpaid', 'paid', 'refunded')),
  total numeric(8, 2) not null,
  created_at timestamptz(3) not null
);

create table payment_order (
  id integer not null,
  order_id integer not null,
  user_id integer not null,
  gateway_reference text not null,
  amount numeric(8, 2) not null,
  status text not null check (status in ('created', 'attempted', 'paid', 'failed')),
  created_at timestamptz(3) not null
);

create table payment (
  id integer not null,
  payment_order_id integer not null,
  user_id integer not null,
  method text not null,
  amount numeric(8, 2) not null,
  status text not null check (status in ('captured', 'failed', 'refunded')),
  created_at timestamptz(3) not null
);

create table subscription (
  id integer not null,
  user_id integer not null,
  student_id integer not null,
  school_id integer not null,
  status text not null check (status in ('active', 'paused', 'cancelled')),
  next_billing date not null
);

create table invoice (
  id integer not null,
  user_id integer not null,
  subscription_id integer not null,
  number text not null,
  status text not null check (status in ('open', 'paid', 'overdue')),
  due_date date not null,
  amount numeric(8, 2) not null
);

create table rfid_card (
  id integer not null,
  uid text not null,
  student_id integer not null,
  school_id integer not null,
  active boolean not null,
  issued_at timestamptz(3) not null
);

-- >>> rows are loaded here

alter table school add primary key (id);
alter table app_user add primary key (id), add foreign key (school_id) references school;
alter table student add primary key (id), add foreign key (parent_id) references app_user;
alter table menu_item add primary key (id);
alter table daily_menu add primary key (id), add foreign key (menu_item_id) references menu_item;
alter table meal_order add primary key (id), add foreign key (user_id) references app_user, add foreign key (student_id) references student;
alter table payment_order add primary key (id);
alter table payment add primary key (id);
alter table subscription add primary key (id), add foreign key (student_id) references student;
alter table invoice add primary key (id), add foreign key (subscription_id) references subscription;
alter table rfid_card add primary key (id), add foreign key (student_id) references student;
