insert into tasker_floor.template_step (template, ix, parents) select $1, ix, parents from unnest($2, $3) s(ix, parents)
