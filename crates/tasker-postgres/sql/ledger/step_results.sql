select s.results::text as results
from public.tasker_workflow_steps s
join public.tasker_named_steps n on n.named_step_id = s.named_step_id
where s.task_id = $1 and n.name = $2 and s.results is not null
  and exists (select from public.tasker_workflow_step_transitions x
    where x.workflow_step_id = s.workflow_step_id and x.most_recent and x.to_state in ('complete', 'resolved_manually'))
order by s.workflow_step_id limit 1
