select q.step_id, q.token, q.attempts as attempt, q.attempts_allowed
from tasker_engine.queue q where q.owner = $1
order by q.step_id
