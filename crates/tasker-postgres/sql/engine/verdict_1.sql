-- What becomes of a task once its counters have changed: it had ended before (e) and stays as it is (R-17), it is halted (h)
-- and decided on by what still runs of it, complete (c), ended in error (f), parked until an instant (p: only what the
-- history calls running can be), or it goes on (g). The update of the counters writes it down, because the caller has
-- to know it from the very row version that was updated.
create function tasker_engine.verdict_1(
  p_ended boolean, p_halted boolean, p_running boolean, p_remaining integer, p_alive integer, p_waiting integer)
returns "char" language sql immutable parallel safe
as $$ select case when p_ended then 'e' when p_halted then 'h' when p_remaining = 0 then 'c' when p_alive = 0 then 'f'
  when p_running and p_alive = p_waiting then 'p' else 'g' end::"char" $$;
