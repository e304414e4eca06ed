-- What stands about the task $1 beside its steps and its history.
select t.requested_at, t.initiator, t.source_system, t.reason, t.tags, t.bypass_steps, t.context::text as context, t.identity_hash,
  e.task_id is not null as ours, coalesce(e.reserved, false) as reserved, e.not_before, e.deadline,
  coalesce(e.priority, 0) as priority, e.paused,
  (select x.metadata->'rewound_from' || jsonb_build_object('actor', x.metadata->'actor', 'reason', x.metadata->'reason')
    from public.tasker_task_transitions x where x.task_id = t.task_id and x.sort_key = 10 and jsonb_typeof(x.metadata->'rewound_from') = 'object') as rewound_from
from public.tasker_tasks t
left join tasker_engine.task e on e.task_id = t.task_id
where t.task_id = $1
