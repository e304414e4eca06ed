//! Tasks that another program deletes while workers are at work on them.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sqlx::PgPool;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::postgres::maintenance::{Reindex, reindex};

use crate::support::{LONG, duration, judge, pause, seed, submit_random, two_workers, until_all_ended};

/// As Rails destroys a task: its children one by one before it, in one transaction that it holds open for a while.
async fn destroy(pool: &PgPool, task_id: i64) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let steps = "in (select workflow_step_id from tasker_workflow_steps where task_id = $1)";
    for rows in [
        format!("tasker_workflow_step_edges where from_step_id {steps} or to_step_id {steps}"),
        format!("tasker_workflow_step_transitions where workflow_step_id {steps}"),
        "tasker_workflow_steps where task_id = $1".to_owned(),
        "tasker_task_annotations where task_id = $1".to_owned(),
        "tasker_task_transitions where task_id = $1".to_owned(),
        "tasker_tasks where task_id = $1".to_owned(),
    ] {
        let delete = sqlx::AssertSqlSafe(format!("delete from {rows}"));
        sqlx::query(delete).bind(task_id).execute(&mut *transaction).await?;
        pause(3).await;
    }
    transaction.commit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_are_deleted_under_workers_stop_nobody() {
    let seed = seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let (database, tasker, workers) = two_workers(seed, 10).await;
    let pool = database.pool();
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(6));
    let (mut deleted, mut refused, mut round) = (0, 0, 0);
    while clock.elapsed() < until {
        let tasks = submit_random(&tasker, seed + round, 2, 4).await;
        round += 1;
        for &task_id in tasks.sample(&mut chance, 3) {
            pause(10).await;
            // A child that a worker writes meanwhile holds its parent: Rails is refused, too, and tries again.
            match destroy(pool, task_id).await {
                Ok(()) => deleted += 1,
                Err(sqlx::Error::Database(error)) => {
                    assert!(["23503", "40P01"].contains(&&*error.code().unwrap()), "{error}");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    println!("count: {deleted} tasks were deleted, {refused} deletions refused");
    assert!(deleted > 20);
    until_all_ended(pool, LONG).await;
    // Workers meet what stands for deleted steps sooner or later, and take it out.
    let forgotten = async {
        while sqlx::query_scalar::<_, i64>("select count(*) from tasker_engine.queue").fetch_one(pool).await.unwrap()
            > 0
        {
            pause(100).await;
        }
    };
    tokio::time::timeout(LONG, forgotten).await.expect("nothing is left of deleted tasks");
    for worker in workers {
        worker.end().await;
    }
    let executions = "delete from faults.execution e
        where not exists (select from tasker_workflow_steps s where s.workflow_step_id = e.step_id)";
    sqlx::query(executions).execute(pool).await.unwrap();
    // Of tasks that had ended only the counters are left, and in nobody's way.
    let swept = reindex(pool, Reindex::default(), |_| {}).await.unwrap().swept;
    println!("count: counters of {swept} tasks were left");
    judge(pool).await;
}
