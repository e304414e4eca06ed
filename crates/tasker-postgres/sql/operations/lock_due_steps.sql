-- Locks the rows of at most $1 steps that are to be looked at; $2: the instant or now. A statement of its own: what is asked
-- of the steps is to be seen as it stands once nobody can change their rows.
select step_id from tasker_engine.step_deadline where at <= coalesce($2, clock_timestamp()) order by at limit $1
for update skip locked
