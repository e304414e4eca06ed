//! What must be true of the rows whatever happened, judged from the rows alone.

use sqlx::PgPool;
use tasker_domain::state::{StepState, TaskState};

/// Looks at every promise of a database in which all tasks have come to their end, and names those that are broken, with
/// the first rows that break them.
///
/// Of tasks that a person touched (a row of their histories has an `actor`), only what holds for them, too, is looked at.
///
/// # Errors
/// What the database says.
pub async fn broken_promises(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let steps: Vec<String> = StepState::edges().iter().map(|edge| format!("{} {}", edge.from, edge.to)).collect();
    let tasks: Vec<String> = TaskState::edges().iter().map(|edge| format!("{} {}", edge.from, edge.to)).collect();
    let mut broken = Vec::new();
    for (promise, rows) in PROMISES {
        let sql = format!(
            "{TOUCHED} select x::text from ({rows}) x where $1::text[] is not null and $2::text[] is not null limit 5"
        );
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(&steps).bind(&tasks).fetch_all(pool).await?;
        if !rows.is_empty() {
            broken.push(format!("{promise}: {rows:#?}"));
        }
    }
    Ok(broken)
}

/// Queue, line and counters as text, line by line, without what a rebuild may write otherwise: places in the line, and
/// instants. Equal before and after a rebuild when nobody is at work.
///
/// # Errors
/// What the database says.
pub async fn side_rows(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select line from (
           select format('task %s remaining %s alive %s waiting %s running %s ended %s halted %s', task_id, remaining, alive,
             waiting, running, ended, halted) as line from tasker_engine.task
           union all
           select format('step %s lane %s unmet %s owner %s attempts %s of %s dead %s', step_id, lane, unmet, owner, attempts,
             attempts_allowed, dead) from tasker_engine.queue
           union all
           select format('line %s %s', lane, step_id) from tasker_engine.ready
           union all
           select format('waits %s %s', lane, step_id) from tasker_engine.later) l
         order by line",
    )
    .fetch_all(pool)
    .await
}

/// Tasks that a person touched.
const TOUCHED: &str = "with touched as materialized (
    select task_id from tasker_task_transitions where metadata ? 'actor'
    union
    select s.task_id from tasker_workflow_step_transitions t join tasker_workflow_steps s using (workflow_step_id)
    where t.metadata ? 'actor')";

/// Each promise with the rows that would break it.
const PROMISES: [(&str, &str); 17] = [
    (
        "one row of a step's history is the most recent, and it is the last",
        "select workflow_step_id from tasker_workflow_step_transitions group by 1
         having count(*) filter (where most_recent) <> 1
           or max(sort_key) <> max(sort_key) filter (where most_recent)",
    ),
    (
        "one row of a task's history is the most recent, and it is the last",
        "select task_id from tasker_task_transitions group by 1
         having count(*) filter (where most_recent) <> 1
           or max(sort_key) <> max(sort_key) filter (where most_recent)",
    ),
    (
        "sort keys of steps count by tens and ids follow them",
        "select * from (select workflow_step_id, sort_key, row_number() over w as place, id, lag(id) over w as before
         from tasker_workflow_step_transitions window w as (partition by workflow_step_id order by sort_key)) t
         where sort_key <> place * 10 or id < before",
    ),
    (
        "sort keys of tasks count by tens and ids follow them",
        "select * from (select task_id, sort_key, row_number() over w as place, id, lag(id) over w as before
         from tasker_task_transitions window w as (partition by task_id order by sort_key)) t
         where sort_key <> place * 10 or id < before",
    ),
    (
        "steps go by legal edges, each from where the last led",
        "select * from (select workflow_step_id, from_state, to_state, coalesce(lag(to_state) over w, 'pending') as before
         from tasker_workflow_step_transitions window w as (partition by workflow_step_id order by sort_key)) t
         where from_state is distinct from before or not from_state || ' ' || to_state = any($1)",
    ),
    (
        "tasks go by legal edges, each from where the last led",
        "select * from (select task_id, from_state, to_state, coalesce(lag(to_state) over w, 'pending') as before
         from tasker_task_transitions window w as (partition by task_id order by sort_key)) t
         where from_state is distinct from before or not from_state || ' ' || to_state = any($2)",
    ),
    (
        "histories of steps go forward in time",
        "select * from (select workflow_step_id, created_at, lag(created_at) over w as before
         from tasker_workflow_step_transitions window w as (partition by workflow_step_id order by sort_key)) t
         where created_at < before",
    ),
    (
        "histories of tasks go forward in time",
        "select * from (select task_id, created_at, lag(created_at) over w as before
         from tasker_task_transitions window w as (partition by task_id order by sort_key)) t
         where created_at < before",
    ),
    (
        "attempts are the claims that were not handed back, and keep to the limit (R-13); none of a step that was passed over (R-18)",
        "select s.workflow_step_id, s.attempts, s.retry_limit, t.claims, t.back from tasker_workflow_steps s
         left join lateral (select count(*) filter (where to_state = 'in_progress') as claims,
           count(*) filter (where to_state = 'error' and metadata->>'reason' = 'handed_back') as back
           from tasker_workflow_step_transitions x where x.workflow_step_id = s.workflow_step_id) t on true
         where (s.attempts <> t.claims - t.back or s.attempts > greatest(s.retry_limit, 1)) and s.results <> '{\"bypassed\": true}' and not s.task_id = any(select task_id from touched)",
    ),
    (
        "attempts are numbered one by one, and a number comes again only after a hand-back",
        "select * from (select workflow_step_id, (metadata->>'attempt')::int as attempt,
           count(*) filter (where to_state = 'in_progress') over w
           - count(*) filter (where to_state = 'error' and metadata->>'reason' = 'handed_back') over w as expected, to_state
         from tasker_workflow_step_transitions window w as (partition by workflow_step_id order by sort_key)) t
         join tasker_workflow_steps s using (workflow_step_id)
         where to_state = 'in_progress' and attempt <> expected and s.results <> '{\"bypassed\": true}' and not s.task_id = any(select task_id from touched)",
    ),
    (
        "parents are complete before a child begins",
        "select e.from_step_id, e.to_step_id from tasker_workflow_step_edges e
         join tasker_workflow_step_transitions c on c.workflow_step_id = e.to_step_id and c.to_state = 'in_progress'
         where not exists (select from tasker_workflow_step_transitions p where p.workflow_step_id = e.from_step_id
           and p.to_state in ('complete', 'resolved_manually') and p.id < c.id and p.created_at <= c.created_at)",
    ),
    (
        "every task is at an end, and its row says so",
        "select t.task_id, x.to_state, t.complete from tasker_tasks t
         left join tasker_task_transitions x on x.task_id = t.task_id and x.most_recent
         where x.to_state is null or x.to_state not in ('complete', 'error', 'cancelled', 'resolved_manually') or t.complete <> (x.to_state = 'complete')",
    ),
    (
        "a task is complete exactly when all its steps are",
        "select t.task_id from (select t.task_id, t.to_state, (select bool_and(coalesce(x.to_state, 'pending') in ('complete', 'resolved_manually'))
             from tasker_workflow_steps s left join tasker_workflow_step_transitions x
               on x.workflow_step_id = s.workflow_step_id and x.most_recent where s.task_id = t.task_id) as done
           from tasker_task_transitions t where t.most_recent and t.to_state in ('complete', 'error')) t
         where (t.to_state = 'complete') <> coalesce(t.done, true) and not (t.to_state = 'error' and t.task_id = any(select task_id from touched))",
    ),
    (
        "a task in error names the dead steps that hold it",
        "select t.task_id from tasker_task_transitions t
         where t.most_recent and t.to_state = 'error' and not t.task_id = any(select task_id from touched)
           and (coalesce(jsonb_array_length(t.metadata->'held_by'), 0) = 0 or jsonb_array_length(t.metadata->'held_by') <>
             (select count(*) from tasker_workflow_steps s join tasker_workflow_step_transitions x
                on x.workflow_step_id = s.workflow_step_id and x.most_recent and x.to_state = 'error'
              where s.task_id = t.task_id and (not s.retryable or s.attempts >= greatest(s.retry_limit, 1))))",
    ),
    (
        "without fail_fast nothing is left that could run (R-15)",
        "select s.workflow_step_id from tasker_workflow_steps s
         join tasker_engine.task k on k.task_id = s.task_id and not k.fail_fast and not s.task_id = any(select task_id from touched)
         left join tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
         where (coalesce(x.to_state, 'pending') in ('pending', 'in_progress')
             or x.to_state = 'error' and s.retryable and s.attempts < greatest(s.retry_limit, 1))
           and not exists (select from tasker_workflow_step_edges e
             left join tasker_workflow_step_transitions p on p.workflow_step_id = e.from_step_id and p.most_recent
             where e.to_step_id = s.workflow_step_id and p.to_state is distinct from 'complete')",
    ),
    (
        "no step is left running",
        "select workflow_step_id from tasker_workflow_step_transitions where most_recent and to_state = 'in_progress'",
    ),
    (
        "the counters of an ended task agree with its rows",
        "select k.* from tasker_engine.task k where not k.ended or k.running or k.alive <> 0 or k.waiting <> 0
           or k.remaining <> (select count(*) from tasker_workflow_steps s where s.task_id = k.task_id and not exists
             (select from tasker_workflow_step_transitions x where x.workflow_step_id = s.workflow_step_id
               and x.most_recent and x.to_state in ('complete', 'resolved_manually')))",
    ),
];
