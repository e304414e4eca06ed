-- Side tables: an index beside the record that says what may run now, who runs it and what a task still lacks. The rows
-- in `public` are the truth; all of this can be rebuilt from them (R-33). No foreign key leads to a table of the record:
-- it would put triggers there (R-02).

-- What a worker claims from: the steps of one task type in one queue that one handler carries out. By type, so that a
-- crowd of one type never stands before the others, and a type can be paused without a look at its steps. Two kinds of
-- lanes stand in no row here: a task that is reserved to whoever runs it by name has the lane of minus its id, and a
-- task that is paused has the lane of minus its id below that of all reserved ones (`paused_lane`): nobody serves it.
create table tasker_engine.lane (
  lane_id       bigint generated always as identity primary key,
  named_task_id integer not null,
  queue         text not null,
  handler       text not null,
  unique (named_task_id, queue, handler)
);

create function tasker_engine.paused_lane(p_task bigint) returns bigint
language sql immutable parallel safe as 'select -4611686018427387904 - p_task';

-- Queues and task types of which nothing is claimed until somebody resumes them. A type is `namespace/name`, all versions.
create table tasker_engine.pause (
  scope     text not null check (scope in ('queue', 'type')),
  name      text not null,
  actor     text not null,
  reason    text not null,
  paused_at timestamptz not null default now(),
  primary key (scope, name)
);

-- What people changed that no history tells: pauses, priorities, limits of attempts, rewinds. Written in the transaction of
-- the change, and read by people only. `name` is that of the queue or type.
create table tasker_engine.operation (
  operation_id bigint generated always as identity primary key,
  at           timestamptz not null,
  actor        text not null,
  reason       text not null,
  operation    text not null,
  scope        text not null check (scope in ('task', 'step', 'queue', 'type')),
  name         text,
  task_id      bigint,
  step_id      bigint,
  before       jsonb,
  after        jsonb
);
create index operation_of_task on tasker_engine.operation (task_id, operation_id) where task_id is not null;
create index operation_of_name on tasker_engine.operation (scope, name, operation_id) where name is not null;

-- One content of a (namespace, name, version); tasks point to the content they were made from (R-41).
create table tasker_engine.definition (
  definition_id bigint generated always as identity primary key,
  named_task_id integer not null,
  content_hash  text not null,
  snapshot      text not null,
  steps         integer not null,
  roots         integer not null,
  fail_fast     boolean not null,
  created_at    timestamptz not null default now(),
  unique (named_task_id, content_hash)
);

-- A definition in the form that creation expands by itself, so that a call only names it.
create table tasker_engine.definition_step (
  definition_id    bigint not null,
  ix               integer not null,
  named_step_id    integer not null,
  lane_id          bigint not null,
  parents          integer not null,
  priority         integer not null,
  attempts_allowed integer not null,
  retry_limit      integer not null,
  retryable        boolean not null,
  skippable        boolean not null,
  deadline         interval,
  primary key (definition_id, ix)
);
-- whether a definition has a step with a deadline is asked at each creation
create index definition_step_deadline on tasker_engine.definition_step (definition_id) where deadline is not null;
create table tasker_engine.definition_edge (
  definition_id bigint not null,
  to_ix         integer not null,
  place         integer not null,
  from_ix       integer not null,
  primary key (definition_id, to_ix, place)
);

-- Counters of a task, in a table whose changing columns no index mentions, so that every update stays in its page.
--   remaining  steps that have not ended well
--   alive      of those: ready, claimed or waiting for an instant
--   waiting    of those: waiting for an instant
--   running    the newest row of the task's history says in_progress
--   verdict    what the newest change of the counters came to, see `verdict_1`
--   halted     a step died and the definition says fail_fast: nothing new is claimed
--   last_at    instant of the newest row written for the task: no later one is written below it (R-24)
--   not_before the roots wait for this instant (`run_at`)
--   deadline   a task that has not ended by then is cancelled
--   priority   is added to the priority of each of its steps
--   paused     who paused it, why and when: {"actor", "reason", "at"}
create table tasker_engine.task (
  task_id       bigint primary key,
  definition_id bigint not null,
  remaining     integer not null,
  alive         integer not null,
  waiting       integer not null default 0,
  running       boolean not null default false,
  ended         boolean not null default false,
  verdict       "char" not null default 'g',
  reserved      boolean not null default false,
  fail_fast     boolean not null default false,
  halted        boolean not null default false,
  priority      integer not null default 0,
  last_at       timestamptz not null,
  not_before    timestamptz,
  deadline      timestamptz,
  paused        jsonb
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Tasks with a deadline, in the order in which it passes. A row leaves when the deadline was dealt with.
create table tasker_engine.deadline (
  at      timestamptz not null,
  task_id bigint not null primary key
);
create index deadline_order on tasker_engine.deadline (at);

-- Steps with a deadline over all their attempts and waits, in the order in which it may have passed: `at` is no later than
-- that. Whoever finds it in the past asks `step_deadline_1` for the true instant, ends the step or puts the row off; a row
-- leaves when the step has ended. So nobody has to know when a step's parents will have ended.
create table tasker_engine.step_deadline (
  at      timestamptz not null,
  step_id bigint not null primary key
);
create index step_deadline_order on tasker_engine.step_deadline (at);

-- One row a step that has not ended well; leaves with the step's success or the task's end.
--   unmet     parents that have not ended well yet
--   owner     the worker that holds the claim
--   token     number of claims so far: an outcome counts only under the newest one (R-30)
--   call      number of the owner's call that claimed it: a call whose answer was lost is answered again (R-35);
--             below 0 while another program has the step in progress
--   attempts  attempts begun; written to the step's row with the outcome (R-13); one less for a step that is passed over,
--             so that its claim begins attempt 0 (R-18)
--   rank      place in the line: instant it became ready, earlier by a minute for each point of priority;
--             while the step waits for an instant, that instant
create table tasker_engine.queue (
  step_id          bigint primary key,
  task_id          bigint not null,
  ix               integer not null,
  lane             bigint not null,
  priority         integer not null,
  unmet            integer not null,
  rank             timestamptz not null,
  owner            integer,
  call             integer not null default 0,
  token            integer not null default 0,
  attempts         integer not null default 0,
  attempts_allowed integer not null,
  dead             boolean not null default false
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- The line. A claim deletes from it: a row that is gone cannot be locked by mistake by the next claim's `skip locked`.
create table tasker_engine.ready (
  lane    bigint not null,
  rank    timestamptz not null,
  step_id bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create index ready_order on tasker_engine.ready (lane, rank);

-- Steps that wait for an instant stand apart, so that a million of them are never read past at a claim.
create table tasker_engine.later (
  lane    bigint not null,
  wake_at timestamptz not null,
  step_id bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create index later_order on tasker_engine.later (lane, wake_at);

-- One row a start of a worker; its id is the incarnation that fences claims.
--   lost      set by whoever takes over
--   stale     lanes were made, paused or resumed since it last asked which ones it serves
--   asleep    it found nothing to do: who leaves something in the line notifies
--   queues    the queues it serves, null for all; handlers those it has, null for any; types those of others' tasks
--             that it adopts (R-34); templates those (`namespace/name version`) whose tasks it carries out, null for all
create table tasker_engine.worker (
  worker_id   integer generated always as identity primary key,
  name        text not null,
  lease       interval not null,
  started_at  timestamptz not null default now(),
  seen_at     timestamptz not null default now(),
  lost        boolean not null default false,
  stale       boolean not null default false,
  asleep      boolean not null default false,
  concurrency integer not null default 1,
  task_id     bigint,
  queues      text[],
  handlers    text[],
  types       text[] not null default '{}',
  templates   text[]
) with (fillfactor = 50, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
