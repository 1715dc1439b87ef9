-- Code-quality studio: Insight (issues), Autopilot (repair runs), Guardian (website tests) over one tenant model. PostgreSQL 14 or newer.
-- The rows of rows.sql come where the marker is: keys cost less over rows than row by row.

create table organisation (
  id integer not null,
  name text not null,
  plan text not null,
  created_at timestamptz(3) not null
);

create table project (
  id integer not null,
  organisation_id integer not null,
  name text not null,
  created_at timestamptz(3) not null
);

create table app_user (
  id integer not null,
  organisation_id integer not null,
  email text not null,
  name text not null,
  active boolean not null,
  created_at timestamptz(3) not null
);

create table api_key (
  id integer not null,
  organisation_id integer not null,
  user_id integer not null,
  key_hash text not null,
  active boolean not null,
  created_at timestamptz(3) not null
);

create table session (
  id integer not null,
  user_id integer not null,
  token text not null,
  expires_at timestamptz(3) not null
);

create table audit_log (
  id integer not null,
  organisation_id integer not null,
  user_id integer not null,
  action text not null,
  severity text not null check (severity in ('info', 'warning', 'error', 'critical')),
  created_at timestamptz(3) not null
);

create table issue (
  id integer not null,
  organisation_id integer not null,
  project_id integer not null,
  detector text not null,
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  resolved boolean not null,
  title text not null,
  created_at timestamptz(3) not null
);

create table run (
  id integer not null,
  organisation_id integer not null,
  project_id integer not null,
  status text not null check (status in ('queued', 'running', 'success', 'failed')),
  files_changed integer not null,
  duration_ms integer,
  created_at timestamptz(3) not null
);

create table website_test (
  id integer not null,
  organisation_id integer not null,
  project_id integer not null,
  url text not null,
  status text not null check (status in ('passed', 'failed', 'skipped')),
  duration_ms integer not null,
  created_at timestamptz(3) not null
);

-- >>> rows are loaded here

alter table organisation add primary key (id);
alter table project add primary key (id), add foreign key (organisation_id) references organisation;
alter table app_user add primary key (id), add foreign key (organisation_id) references organisation;
alter table api_key add primary key (id), add foreign key (user_id) references app_user;
alter table session add primary key (id), add foreign key (user_id) references app_user;
alter table audit_log add primary key (id);
alter table issue add primary key (id), add foreign key (project_id) references project;
alter table run add primary key (id), add foreign key (project_id) references project;
alter table website_test add primary key (id), add foreign key (project_id) references project;
