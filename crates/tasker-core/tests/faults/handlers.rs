//! Handlers that never return, panic, take their process along, or leave ten megabytes.

use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;
use tasker_core::{Output, StepContext, StepError, handler_fn};
use tasker_testing::TestDatabase;

use crate::support::{Here, LONG, Logged, Process, empty, judge, make_log, pause, tasker, template, until_all_ended};

async fn errors(pool: &PgPool) -> Vec<(String, String, i32)> {
    sqlx::query_as(
        "select n.name, coalesce(s.results->>'error_class', ''), s.attempts from tasker_workflow_steps s
         join tasker_named_steps n using (named_step_id) order by s.workflow_step_id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handler_does_to_itself_stays_with_its_step() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let handler = handler_fn(async |step: StepContext| match step.step_name() {
        "never_returns" => std::future::pending().await,
        "panics" => panic!("no more"),
        "too_much" => Ok::<_, StepError>(Output::from(json!({ "much": "x".repeat(10_000_000) }))),
        "null_character" => Ok(Output::from(json!({ "text": "a\u{0}b" }))),
        _ => Ok(Output::empty()),
    });
    let tasker = tasker(pool, handler);
    let bad = template(
        "bad",
        "",
        &[
            ("never_returns", "default_retry_limit: 1, timeout_seconds: 0.2"),
            ("panics", "default_retry_limit: 1"),
            ("too_much", "default_retry_limit: 1"),
            ("null_character", "default_retry_limit: 1"),
            ("good", ""),
        ],
    );
    tasker.submit(&bad, empty()).await.unwrap();
    let worker = Here::start(tasker);
    until_all_ended(pool, LONG).await;
    worker.end().await;
    let classes: Vec<(String, String, i32)> = errors(pool).await;
    let named: Vec<&str> = classes.iter().map(|(_, class, _)| class.as_str()).collect();
    assert!(named[..4].iter().all(|class| !class.is_empty()) && named[4].is_empty(), "{classes:?}");
    assert!(classes.iter().all(|(_, _, attempts)| *attempts == 1), "{classes:?}");
    judge(pool).await;
}

/// Each attempt kills the worker that makes it; what else those workers held is done by the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_takes_its_process_along_uses_up_its_attempts() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let tasker = tasker(pool, Logged::new(database.options(), 1, 0));
    let mut deadly =
        template("deadly", "", &[("deadly", "default_retry_limit: 2"), ("after", "depends_on_step: deadly")]);
    deadly.steps[0].handler_class = "Aborts".to_owned();
    tasker.submit(&deadly, empty()).await.unwrap();
    tasker.submit_all(&crate::support::diamond(""), (0..20).map(|_| empty()).collect()).await.unwrap();
    let start = || Process::start(&database.options(), &database.options(), "1 20");
    let mut workers = vec![start(), start()];
    let mut deaths = 0;
    let watch = async {
        loop {
            pause(100).await;
            for worker in &mut workers {
                if worker.has_ended() {
                    deaths += 1;
                    *worker = start();
                }
            }
        }
    };
    tokio::select! {
        () = watch => unreachable!("it goes on for ever"),
        () = until_all_ended(pool, Duration::from_secs(90)) => {}
    }
    drop(workers);
    assert_eq!(deaths, 2, "one for each attempt");
    let state: String = sqlx::query_scalar(
        "select x.to_state from tasker_task_transitions x join tasker_tasks t using (task_id)
         join tasker_named_tasks n using (named_task_id) where n.name = 'deadly' and x.most_recent",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(state, "error");
    judge(pool).await;
}
