-- Learning analytics, as Prisma would map it, PostgreSQL 14 or newer. The rows of rows.sql come where the marker is: keys cost less over rows than row by row.

create table learner (
  id integer not null,
  email text not null,
  created_at timestamptz(3) not null
);

create table mission (
  id integer not null,
  learner_id integer not null,
  scheduled_on date not null,
  status text not null check (status in ('planned', 'active', 'completed', 'skipped')),
  minutes_planned integer not null,
  minutes_actual integer
);

create table learning_objective (
  id integer not null,
  learner_id integer not null,
  mission_id integer not null,
  topic text not null,
  complexity smallint not null,
  completed_at timestamptz(3)
);

create table study_session (
  id integer not null,
  learner_id integer not null,
  mission_id integer not null,
  started_at timestamptz(3) not null,
  minutes integer not null,
  focus smallint not null
);

create table behavioral_event (
  id integer not null,
  learner_id integer not null,
  session_id integer not null,
  kind text not null,
  occurred_at timestamptz(3) not null,
  duration_ms integer not null
);

create table behavioral_pattern (
  id integer not null,
  learner_id integer not null,
  kind text not null,
  confidence numeric(4, 3) not null,
  detected_at timestamptz(3) not null,
  evidence jsonb not null
);

create table struggle_prediction (
  id integer not null,
  learner_id integer not null,
  objective_id integer not null,
  probability numeric(4, 3) not null,
  status text not null check (status in ('pending', 'confirmed', 'false_alarm', 'prevented')),
  predicted_at timestamptz(3) not null
);

create table recommendation (
  id integer not null,
  learner_id integer not null,
  prediction_id integer not null,
  kind text not null,
  status text not null check (status in ('open', 'applied', 'dismissed')),
  priority smallint not null,
  created_at timestamptz(3) not null
);

create table personalisation_config (
  id integer not null,
  learner_id integer not null,
  strategy text not null,
  active boolean not null,
  settings jsonb not null,
  updated_at timestamptz(3) not null
);

create table cognitive_load_metric (
  id integer not null,
  learner_id integer not null,
  session_id integer not null,
  load smallint not null check (load between 0 and 100),
  stress text[] not null,
  measured_at timestamptz(3) not null
);

create table card (
  id integer not null,
  learner_id integer not null,
  objective_id integer not null,
  front text not null
);

create table review (
  id integer not null,
  learner_id integer not null,
  card_id integer not null,
  rating smallint not null check (rating between 1 and 4),
  took_ms integer not null,
  reviewed_at timestamptz(3) not null
);

create table search_query (
  id integer not null,
  learner_id integer not null,
  term text not null,
  result_count integer not null,
  searched_at timestamptz(3) not null
);

create table validation_response (
  id integer not null,
  learner_id integer not null,
  objective_id integer not null,
  score smallint not null,
  answered_at timestamptz(3) not null
);

create table article_read (
  id integer not null,
  learner_id integer not null,
  article text not null,
  seconds integer not null,
  read_at timestamptz(3) not null
);

-- >>> rows are loaded here

alter table learner add primary key (id);
alter table mission add primary key (id), add foreign key (learner_id) references learner;
alter table learning_objective add primary key (id), add foreign key (mission_id) references mission;
alter table study_session add primary key (id), add foreign key (mission_id) references mission;
alter table behavioral_event add primary key (id);
alter table behavioral_pattern add primary key (id);
alter table struggle_prediction add primary key (id), add foreign key (objective_id) references learning_objective;
alter table recommendation add primary key (id), add foreign key (prediction_id) references struggle_prediction;
alter table personalisation_config add primary key (id);
alter table cognitive_load_metric add primary key (id);
alter table card add primary key (id);
alter table review add primary key (id), add foreign key (card_id) references card;
alter table search_query add primary key (id);
alter table validation_response add primary key (id);
alter table article_read add primary key (id);
