-- The least that a durable engine of step graphs needs, for `tasker bench --floor`: what is to be done, in what order,
-- how far it is, and one row of history a transition. No retries, no leases, no queues, no other program's tables.
drop schema if exists tasker_floor cascade;
create schema tasker_floor;

create table tasker_floor.template_step (
  template integer not null,
  ix       integer not null,
  parents  integer not null,
  primary key (template, ix)
);
create table tasker_floor.template_edge (
  template integer not null,
  from_ix  integer not null,
  to_ix    integer not null,
  primary key (template, from_ix, to_ix)
);
create table tasker_floor.task (
  task_id   bigint generated always as identity primary key,
  template  integer not null,
  context   jsonb not null,
  remaining integer not null,
  complete  boolean not null default false
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- A step's id is its task's times 2^20 and its place.
create table tasker_floor.step (
  step_id bigint primary key,
  unmet   integer not null,
  state   "char" not null,
  results jsonb
) with (fillfactor = 60);
create table tasker_floor.edge (
  from_id bigint not null,
  to_id   bigint not null,
  primary key (from_id, to_id)
);
create table tasker_floor.history (
  history_id bigint generated always as identity primary key,
  of_task    boolean not null,
  id         bigint not null,
  state      "char" not null,
  at         timestamptz not null
);

-- One call, one commit: results of steps that ended and templates of new tasks in, steps to carry out (`s`, with the
-- place in the template) and tasks that are complete (`c`) out. New tasks come back as `n`, in the order of the call.
create function tasker_floor.exchange(p_steps bigint[], p_results jsonb[], p_templates integer[], p_contexts jsonb[])
returns table (kind "char", id bigint)
language plpgsql
set search_path = tasker_floor, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_new bigint[]; v_roots bigint[]; v_unlocked bigint[]; v_complete bigint[];
begin
  if cardinality(p_templates) > 0 then
    with asked as (
      select nextval('task_task_id_seq') as task_id, a.template, a.context,
        (select count(*)::int from template_step s where s.template = a.template) as steps
      from unnest(p_templates, p_contexts) a(template, context)
    ), tasks as (
      insert into task (task_id, template, context, remaining) overriding system value
      select task_id, template, context, steps from asked
    ), steps as (
      insert into step (step_id, unmet, state)
      select a.task_id * 1048576 + s.ix, s.parents, case s.parents when 0 then 'r' else 'w' end::"char"
      from asked a join template_step s on s.template = a.template
      returning step_id, state
    ), edges as (
      insert into edge (from_id, to_id)
      select a.task_id * 1048576 + e.from_ix, a.task_id * 1048576 + e.to_ix
      from asked a join template_edge e on e.template = a.template
    )
    select (select array_agg(task_id order by task_id) from asked), (select array_agg(step_id) from steps where state = 'r')
    into v_new, v_roots;
  end if;
  if cardinality(p_steps) > 0 then
    with done as (
      update step s set state = 'c', results = d.results from unnest(p_steps, p_results) d(step_id, results)
      where s.step_id = d.step_id and s.state = 'r' returning s.step_id
    ), met as (
      select e.to_id, count(*)::int as parents from done d join edge e on e.from_id = d.step_id group by e.to_id
    ), unlocked as (
      update step s set unmet = s.unmet - m.parents, state = case s.unmet when m.parents then 'r' else 'w' end::"char"
      from met m where s.step_id = m.to_id returning s.step_id, s.state
    ), counted as (
      update task t set remaining = t.remaining - d.steps, complete = t.remaining = d.steps
      from (select step_id / 1048576 as task_id, count(*)::int as steps from done group by 1) d
      where t.task_id = d.task_id returning t.task_id, t.complete
    )
    select (select array_agg(step_id) from unlocked where state = 'r'), (select array_agg(task_id) from counted where complete)
    into v_unlocked, v_complete;
  end if;
  insert into history (of_task, id, state, at)
  select false, x, 'c'::"char", v_now from unnest(p_steps) x
  union all select false, x, 'r', v_now from unnest(v_roots || v_unlocked) x
  union all select true, x, 'r', v_now from unnest(v_new) x
  union all select true, x, 'c', v_now from unnest(v_complete) x;
  return query
    select 'n'::"char", x from unnest(v_new) x
    union all select 's', x from unnest(v_roots || v_unlocked) x
    union all select 'c', x from unnest(v_complete) x;
end $$;
