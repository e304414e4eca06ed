create schema if not exists tasker_engine;
create table if not exists tasker_engine.migrations (
  version    integer primary key,
  name       text not null,
  applied_at timestamptz not null default now()
);
