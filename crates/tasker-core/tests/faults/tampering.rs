//! Another program that writes into the record what nobody should, while workers are at work.

use std::collections::HashSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::postgres::maintenance::{Reindex, reindex};

use crate::support::{LONG, duration, pause, seed, submit_random, two_workers};

/// What is done to the task `$1`, of which `$2` chooses a step.
const ACTS: &[&str] = &[
    "update tasker_tasks set context = null where task_id = $1",
    "update tasker_tasks set context = '\"text\"' where task_id = $1",
    "update tasker_tasks set complete = true where task_id = $1",
    "update tasker_tasks set bypass_steps = '{}', tags = null where task_id = $1",
    "update tasker_tasks set named_task_id = (select min(named_task_id) from tasker_named_tasks) where task_id = $1",
    "update tasker_workflow_steps set results = null where workflow_step_id = $2",
    "update tasker_workflow_steps set results = '[1]' where workflow_step_id = $2",
    "update tasker_workflow_steps set attempts = 2147483647 where workflow_step_id = $2",
    "update tasker_workflow_steps set attempts = null, retry_limit = null where workflow_step_id = $2",
    "update tasker_workflow_steps set retry_limit = -5 where workflow_step_id = $2",
    "update tasker_workflow_steps set retry_limit = 2147483647 where workflow_step_id = $2",
    "update tasker_workflow_steps set retryable = false where workflow_step_id = $2",
    "update tasker_workflow_steps set backoff_request_seconds = 2147483647, last_attempted_at = now() + interval '50 years' where workflow_step_id = $2",
    "update tasker_workflow_steps set created_at = '0001-01-01' where workflow_step_id = $2",
    "update tasker_workflow_steps set named_step_id = (select min(named_step_id) from tasker_named_steps) where workflow_step_id = $2",
    "update tasker_workflow_steps set task_id = (select min(task_id) from tasker_tasks) where workflow_step_id = $2",
    "delete from tasker_workflow_step_edges where to_step_id = $2",
    "delete from tasker_workflow_step_edges where from_step_id = $2",
    "insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       select max(workflow_step_id), min(workflow_step_id), 'provides', now(), now() from tasker_workflow_steps where task_id = $1",
    "insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at) values ($2, $2, 'provides', now(), now())",
    "delete from tasker_workflow_step_transitions where workflow_step_id = $2",
    "delete from tasker_workflow_step_transitions where workflow_step_id = $2 and most_recent",
    "update tasker_workflow_step_transitions set most_recent = false where workflow_step_id = $2",
    "update tasker_workflow_step_transitions set to_state = 'weird' where workflow_step_id = $2 and most_recent",
    "update tasker_workflow_step_transitions set metadata = '[]' where workflow_step_id = $2",
    "update tasker_workflow_step_transitions set metadata = '\"text\"' where workflow_step_id = $2",
    "update tasker_workflow_step_transitions set metadata = null where workflow_step_id = $2",
    "update tasker_workflow_step_transitions set sort_key = -sort_key where workflow_step_id = $2",
    "update tasker_workflow_step_transitions set created_at = now() at time zone 'UTC' + interval '1 year' where workflow_step_id = $2",
    "insert into tasker_workflow_step_transitions (to_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
       values ('in_progress', 5, false, $2, now(), now())",
    "delete from tasker_task_transitions where task_id = $1",
    "update tasker_task_transitions set created_at = 'infinity' where task_id = $1",
    "update tasker_workflow_step_transitions set created_at = 'infinity' where workflow_step_id = $2",
    "update tasker_workflow_step_transitions set created_at = '-infinity' where workflow_step_id = $2",
    "update tasker_workflow_steps set created_at = '-infinity' where workflow_step_id = $2",
    "update tasker_workflow_steps set last_attempted_at = 'infinity' where workflow_step_id = $2",
    "delete from tasker_task_transitions where task_id = $1 and most_recent",
    "update tasker_task_transitions set most_recent = false where task_id = $1",
    "update tasker_task_transitions set to_state = 'weird' where task_id = $1 and most_recent",
    "update tasker_task_transitions set to_state = 'cancelled' where task_id = $1 and most_recent",
    "update tasker_task_transitions set created_at = now() + interval '10 years' where task_id = $1",
    "insert into tasker_task_transitions (to_state, sort_key, most_recent, task_id, created_at, updated_at)
       values ('in_progress', 10, true, $1, now(), now())",
];

async fn tamper(pool: &PgPool, chance: &mut StdRng, task_id: i64) -> Option<&'static str> {
    let steps: Vec<i64> = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps where task_id = $1")
        .bind(task_id)
        .fetch_all(pool)
        .await
        .unwrap();
    let (&act, &step_id) = (ACTS.choose(chance)?, steps.choose(chance)?);
    // Both are named in each, so that each takes both.
    let named = format!("with names as (select $1::bigint, $2::bigint) {act}");
    let done = sqlx::query(sqlx::AssertSqlSafe(named)).bind(task_id).bind(step_id).execute(pool).await;
    match done {
        Ok(done) => (done.rows_affected() > 0).then_some(act),
        // What the tables themselves refuse, or a deadlock.
        Err(sqlx::Error::Database(error)) => {
            let code = error.code().unwrap().into_owned();
            assert!(code.starts_with("23") || code == "40P01", "{act}: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Workers go on whatever stands in the rows of some tasks, and the others come to their end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_program_does_to_some_tasks_harms_no_others() {
    let seed = seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let (database, tasker, workers) = two_workers(seed, 10).await;
    let pool = database.pool();
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(8));
    let (mut done, mut acts, mut others, mut round) = (0, HashSet::new(), Vec::new(), 0);
    while clock.elapsed() < until {
        let tasks = submit_random(&tasker, seed + round, 2, 4).await;
        round += 1;
        let (victims, left) = tasks.split_at(4);
        others.extend_from_slice(left);
        for _ in 0..12 {
            pause(chance.random_range(0..10)).await;
            let &victim = victims.choose(&mut chance).unwrap();
            if let Some(act) = tamper(pool, &mut chance, victim).await {
                done += 1;
                acts.insert(act);
            }
        }
    }
    println!("count: {done} acts of {} kinds", acts.len());
    assert!(acts.len() > 10);
    let ended = async {
        let open = "select count(*) from unnest($1::bigint[]) a(task_id)
            left join tasker_task_transitions x on x.task_id = a.task_id and x.most_recent
            where coalesce(x.to_state, 'pending') in ('pending', 'in_progress')";
        while sqlx::query_scalar::<_, i64>(open).bind(&others).fetch_one(pool).await.unwrap() > 0 {
            pause(100).await;
        }
    };
    let ended = tokio::time::timeout(LONG, ended).await;
    for worker in workers {
        worker.end().await;
    }
    if ended.is_err() {
        let open: Vec<String> = sqlx::query_scalar(
            "select format('%s %s; %s; %s', a.task_id, x.to_state, (select e::text from tasker_engine.task e where e.task_id = a.task_id),
               (select string_agg(q::text, ' ') from tasker_engine.queue q where q.task_id = a.task_id))
             from unnest($1::bigint[]) a(task_id)
             left join tasker_task_transitions x on x.task_id = a.task_id and x.most_recent
             where coalesce(x.to_state, 'pending') in ('pending', 'in_progress') limit 5",
        )
        .bind(&others)
        .fetch_all(pool)
        .await
        .unwrap();
        panic!("the other tasks do not come to their end: {open:#?}");
    }
    let ahead =
        "select count(*) from tasker_workflow_step_transitions x join tasker_workflow_steps s using (workflow_step_id)
        where s.task_id = any($1) and x.created_at > clock_timestamp() at time zone 'UTC'";
    let ahead: i64 = sqlx::query_scalar(ahead).bind(&others).fetch_one(pool).await.unwrap();
    assert_eq!(ahead, 0, "a task whose rows lie in the future leads others astray");
    reindex(pool, Reindex::default(), |_| {}).await.unwrap();
}
