-- The first of the requests whose deadline ($2) is not later than the instant $3, or now: its place, and that instant. Requests
-- whose key ($1) a task has already are left out: they create nothing.
select r.place, i.now
from unnest($1::text[], $2::timestamptz[]) with ordinality r(key, deadline, place)
cross join (select coalesce($3::timestamptz, clock_timestamp()) as now) i
where r.deadline <= i.now and not exists (select from public.tasker_tasks t where t.identity_hash = r.key)
order by r.place limit 1
