-- The types of the steps, names $2 in the systems $1, by their places in the lists from 1.
select n.place, k.named_step_id
from unnest($1::text[], $2::text[]) with ordinality as n(system, name, place)
join public.tasker_dependent_systems s on s.name = n.system
join public.tasker_named_steps k on k.dependent_system_id = s.dependent_system_id and k.name = n.name
order by n.place
