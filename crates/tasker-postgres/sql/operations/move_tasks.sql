-- Moves the tasks $1, which stand in the states $2, along the states of $3 (parted by commas), one row of history each,
-- with the metadata $4, at the instant $5 or now, never below the newest row.
with asked as (
  select * from unnest($1::bigint[], $2::text[], $3::text[]) a(task_id, state, path)
), flipped as (
  update public.tasker_task_transitions t
  set most_recent = false, updated_at = greatest(t.created_at, coalesce($5, clock_timestamp() at time zone 'UTC'))
  from asked a
  where t.task_id = a.task_id and t.most_recent
  returning t.task_id as task_id, t.sort_key, t.created_at
), rows as (
  select a.task_id, p.state, p.place, lag(p.state, 1, a.state) over (partition by a.task_id order by p.place) as before,
    count(*) over (partition by a.task_id) as places
  from asked a cross join lateral unnest(string_to_array(a.path, ',')) with ordinality p(state, place)
)
insert into public.tasker_task_transitions
  (to_state, from_state, metadata, sort_key, most_recent, task_id, created_at, updated_at)
select r.state, r.before, $4, coalesce(f.sort_key, 0) + 10 * r.place::integer, r.place = r.places, r.task_id, i.at, i.at
from rows r left join flipped f on f.task_id = r.task_id
cross join lateral (select greatest(f.created_at, coalesce($5, clock_timestamp() at time zone 'UTC')) as at) i
order by r.task_id, r.place
