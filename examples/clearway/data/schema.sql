-- Capital calls for private funds, PostgreSQL 14 or newer. The rows of rows.sql come where the marker is: keys cost less over rows than row by row.

create table organisation (
  id integer not null,
  name text not null
);

create table app_user (
  id integer not null,
  organisation_id integer not null,
  email text not null,
  name text not null,
  role text not null check (role in ('operations', 'approver', 'admin'))
);

create table fund (
  organisation_id integer not null,
  name text not null,
  vintage smallint not null
);

create table document (
  id integer not null,
  organisation_id integer not null,
  user_id integer not null,
  status text not null check (status in ('uploaded', 'extracted', 'verified', 'rejected')),
  title text not null,
  uploaded_at timestamptz(3) not null
);

create table capital_call (
  id integer not null,
  user_id integer not null,
  document_id integer,
  fund_name text not null,
  amount numeric(14, 2) not null check (amount > 0),
  currency text not null,
  due_date date not null,
  status text not null check (status in ('pending', 'approved', 'paid', 'overdue', 'rejected')),
  created_at timestamptz(3) not null,
  approved_at timestamptz(3),
  paid_at timestamptz(3)
);

create table payment (
  id integer not null,
  capital_call_id integer not null,
  amount numeric(14, 2) not null,
  method text not null,
  paid_at timestamptz(3) not null
);

-- >>> rows are loaded here

alter table organisation add primary key (id);
alter table app_user add primary key (id), add unique (email), add foreign key (organisation_id) references organisation;
alter table fund add primary key (organisation_id, name);
alter table document add primary key (id), add foreign key (user_id) references app_user;
alter table capital_call add primary key (id), add foreign key (user_id) references app_user, add foreign key (document_id) references document;
alter table payment add primary key (id), add foreign key (capital_call_id) references capital_call;
