-- Writes the environment $1 where none is written yet.
insert into public.ar_internal_metadata (key, value, created_at, updated_at)
values ('environment', $1, clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC')
on conflict (key) do nothing
