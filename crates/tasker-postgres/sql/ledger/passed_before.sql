-- The first of the requests whose deadline ($2) is not later than the instant $4, or now, or than its start ($3): its place, and
-- that of these instants which is now. Requests whose key ($1) a task has already are left out: they create nothing.
select r.place, i.now
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) with ordinality r(key, deadline, start, place)
cross join (select coalesce($4::timestamptz, clock_timestamp()) as now) i
where r.deadline <= greatest(i.now, r.start) and not exists (select from public.tasker_tasks t where t.identity_hash = r.key)
order by r.place limit 1
