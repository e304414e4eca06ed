-- Jobs: which task is to be worked, from which queue, from when on. They lead to the record and say nothing of it: all of
-- them may be lost, and a look at the record makes those anew that are needed.
--
-- One row a job until it is acknowledged.
--   due_at       nobody takes it before
--   rank         place in the line: `due_at`, earlier by a minute for each point of priority
--   in_line      it is due; one that is not stands apart, so that a million of them are never read past when a job is taken
--   unique_key   at most one job of a key waits in a queue; the key is free again as soon as the job is taken
--   taken_until  somebody has it until then; null while it waits
--   deliveries   how often it was taken: whoever acknowledges it says which time was theirs
create table tasker_engine.job (
  job_id      bigint generated always as identity primary key,
  queue       text not null,
  task_id     bigint not null,
  priority    integer not null,
  unique_key  text,
  due_at      timestamptz not null,
  rank        timestamptz not null,
  in_line     boolean not null,
  taken_until timestamptz,
  deliveries  integer not null default 0
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create unique index job_key on tasker_engine.job (queue, unique_key) where unique_key is not null and taken_until is null;
create index job_line on tasker_engine.job (queue, rank, job_id) where in_line and taken_until is null;
create index job_later on tasker_engine.job (due_at) where not in_line and taken_until is null;
create index job_lease on tasker_engine.job (taken_until) where taken_until is not null;

-- Queues whose consumers found nothing: who puts a job into their line, or back into it, notifies, once. Nobody notifies of
-- a job that joins it because its instant has come, or somebody's time with it is over: consumers look by themselves then.
create table tasker_engine.job_bell (
  queue  text primary key,
  asleep boolean not null
) with (fillfactor = 50);
