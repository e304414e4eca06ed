insert into tasker_floor.template_edge (template, from_ix, to_ix) select $1, f, t from unnest($2, $3) e(f, t)
