-- Tasks for plans and measurements: as many as the setting `population.tasks` says, one a minute, each a chain of three
-- steps with its history, one annotation and two tags. Of a thousand tasks 980 are complete; the others are in error, run,
-- wait, were cancelled or resolved by hand, or have no history yet: history grows, what is unfinished does not.

insert into public.tasker_task_namespaces (name, created_at, updated_at)
select 'space_' || n, '2024-01-01', '2024-01-01' from generate_series(1, 5) n;

insert into public.tasker_named_tasks (name, version, task_namespace_id, configuration, created_at, updated_at)
select 'type_' || n, v || '.0.0', s.task_namespace_id, '{}', '2024-01-01', '2024-01-01'
from public.tasker_task_namespaces s, generate_series(1, 20) n, generate_series(1, 2) v
where s.name like 'space\_%' order by s.task_namespace_id, n, v;

insert into public.tasker_dependent_systems (name, created_at, updated_at) values ('system', '2024-01-01', '2024-01-01');

-- 200 types of steps, so that one of them is rare.
insert into public.tasker_named_steps (dependent_system_id, name, created_at, updated_at)
select d.dependent_system_id, 'step_' || n, '2024-01-01', '2024-01-01'
from public.tasker_dependent_systems d, generate_series(0, 199) n order by n;

insert into public.tasker_annotation_types (name, created_at, updated_at)
select 'kind_' || n, '2024-01-01', '2024-01-01' from generate_series(1, 3) n;

create temporary table task_plan as
select n, nextval('public.tasker_tasks_task_id_seq') as task_id,
  timestamp '2024-01-01' + n * interval '1 minute' as at,
  case when n % 1000 < 980 then 'complete' when n % 1000 < 984 then 'error' when n % 1000 < 987 then 'in_progress'
    when n % 1000 < 990 then 'pending' when n % 1000 < 992 then 'cancelled'
    when n % 1000 < 994 then 'resolved_manually' else 'none' end as state,
  (select array_agg(named_task_id order by named_task_id) from public.tasker_named_tasks) as types
from generate_series(1, current_setting('population.tasks')::integer) n;

insert into public.tasker_tasks (task_id, named_task_id, complete, requested_at, initiator, source_system, reason,
  bypass_steps, tags, context, identity_hash, created_at, updated_at)
select task_id, types[1 + n % cardinality(types)], state = 'complete', at, 'population', 'system_' || n % 10, 'test', '[]',
  jsonb_build_array('tag_' || n % 1000, 'even_' || n % 2),
  jsonb_build_object('customer', jsonb_build_object('id', n % 5000, 'name', 'customer ' || n % 5000), 'number', n),
  'population-' || task_id, at, at
from task_plan order by n;

insert into public.tasker_task_annotations (task_id, annotation_type_id, annotation, created_at, updated_at)
select p.task_id, k.annotation_type_id, jsonb_build_object('ticket', 'T-' || n % 2000, 'size', n % 7), at, at
from task_plan p join public.tasker_annotation_types k on k.name = 'kind_' || 1 + n % 3 order by n;

insert into public.tasker_task_transitions (task_id, to_state, sort_key, most_recent, metadata, created_at, updated_at)
select task_id, w.state, 10 * w.place, w.state = p.state,
  case when n % 500 = 0 then jsonb_build_object('triggered_by', 'operator') else '{}' end,
  at + w.place * interval '1 second', at
from task_plan p
cross join lateral (
  select word as state, place from unnest(case
    when p.state = 'in_progress' then array['in_progress']
    when p.state in ('pending', 'cancelled') then array['in_progress', p.state]
    when p.state = 'resolved_manually' then array['in_progress', 'error', p.state]
    when p.state = 'none' then array[]::text[]
    else array['in_progress', p.state] end) with ordinality u(word, place)) w
order by n, w.place;

-- The steps before the one that decides are complete; it is the task's number that says which one that is.
create temporary table step_plan as
select p.n, p.task_id, p.at, s.ix, nextval('public.tasker_workflow_steps_workflow_step_id_seq') as step_id,
  case when p.state = 'complete' or s.ix < p.n / 1000 % 3 then 'complete'
    when p.state = 'none' or s.ix > p.n / 1000 % 3 then 'none'
    else p.state end as state
from task_plan p cross join generate_series(0, 2) s(ix) order by p.n, s.ix;

-- A failed step has attempts left in every other task, and then asks for an hour.
insert into public.tasker_workflow_steps (workflow_step_id, task_id, named_step_id, retryable, retry_limit, in_process,
  processed, processed_at, attempts, last_attempted_at, backoff_request_seconds, inputs, results, skippable,
  created_at, updated_at)
select p.step_id, p.task_id, k.named_step_id, true, 3, p.state = 'in_progress', p.state = 'complete',
  case when p.state = 'complete' then p.at + interval '2 seconds' end,
  case when p.state = 'none' then 0 when p.state = 'error' and p.n % 2 = 1 then 3 else 1 end,
  case when p.state <> 'none' then p.at + interval '1 second' end,
  case when p.state = 'error' and p.n % 2 = 0 then 3600 end, '{}', '{}', false, p.at, p.at
from step_plan p join public.tasker_named_steps k on k.name = 'step_' || (p.n % 66) * 3 + p.ix order by p.step_id;

insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
select a.step_id, b.step_id, 'provides', a.at, a.at
from step_plan a join step_plan b on b.task_id = a.task_id and b.ix = a.ix + 1 order by a.step_id;

insert into public.tasker_workflow_step_transitions (workflow_step_id, to_state, sort_key, most_recent, metadata,
  created_at, updated_at)
select p.step_id, w.state, 10 * w.place, w.place = cardinality(words),
  case when w.state = 'complete' then jsonb_build_object('execution_duration', p.n % 50) else '{}' end,
  p.at + w.place * interval '1 second', p.at
from (select *, case state when 'none' then array[]::text[] when 'in_progress' then array['in_progress']
  when 'resolved_manually' then array['in_progress', 'error', state] else array['in_progress', state] end as words
  from step_plan) p
cross join lateral unnest(p.words) with ordinality w(state, place)
order by p.step_id, w.place;

drop table task_plan, step_plan;

analyze public.tasker_task_namespaces, public.tasker_named_tasks, public.tasker_dependent_systems,
  public.tasker_named_steps, public.tasker_annotation_types, public.tasker_tasks, public.tasker_task_annotations,
  public.tasker_task_transitions, public.tasker_workflow_steps, public.tasker_workflow_step_edges,
  public.tasker_workflow_step_transitions;
