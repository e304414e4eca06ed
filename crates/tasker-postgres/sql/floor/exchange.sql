select kind::text as kind, id from tasker_floor.exchange($1, $2::text[]::jsonb[], $3, $4::text[]::jsonb[])
