//! Many at one thing: eight workers on one task, a crowd of steps that nobody can carry out, statistics that lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Connection;
use tasker_core::Request;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::{Handled, Output, StepContext, StepError, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;
use tasker_testing::TestDatabase;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Here, LONG, diamond, duration, empty, make_log, number, rebuild_changes_nothing, tasker, template, until_all_ended,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_workers_that_are_told_to_run_one_task_run_each_step_once_a_hundred_times() {
    let database = TestDatabase::with_schema().await;
    let ran = Arc::new(AtomicU64::new(0));
    let count = ran.clone();
    let handler = handler_fn(move |_: StepContext| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok::<_, StepError>(Output::empty()))
    });
    let tasker = tasker(database.pool(), handler);
    let shape = template(
        "six",
        "",
        &[
            ("a", ""),
            ("b", ""),
            ("c", "depends_on_steps: [a, b]"),
            ("d", "depends_on_step: a"),
            ("e", "depends_on_step: b"),
            ("f", "depends_on_steps: [c, d, e]"),
        ],
    );
    for round in 1..=100 {
        let task = tasker.submit(&shape, empty()).await.unwrap();
        let jobs: Vec<_> = (0..8)
            .map(|_| {
                let tasker = tasker.clone();
                tokio::spawn(async move {
                    loop {
                        match tasker.handle_task(task.task_id, CancellationToken::new()).await.unwrap() {
                            Handled::AtRest { state } => return state,
                            Handled::Again { .. } => tokio::task::yield_now().await,
                        }
                    }
                })
            })
            .collect();
        for job in jobs {
            assert_eq!(tokio::time::timeout(LONG, job).await.unwrap().unwrap(), TaskState::Complete);
        }
        assert_eq!(ran.load(Ordering::SeqCst), 6 * round);
    }
    rebuild_changes_nothing(database.pool()).await;
}

/// Steps for a handler that no worker has stand in the line, many of them; others pass by as if they were not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_nobody_can_carry_out_stands_in_nobodys_way() {
    let crowd = number("TASKER_FAULTS_CROWD", 30_000);
    let database = TestDatabase::with_schema().await;
    let handler = handler_fn(async |_: StepContext| Ok::<_, StepError>(Output::empty()));
    let submitting = tasker(database.pool(), handler.clone());
    let mut nobodys = template("nobodys", "", &[("a", "")]);
    nobodys.steps[0].handler_class = "Nobody".to_owned();
    let mut all_read = Vec::new();
    let server = database.options();
    for crowded in [false, true] {
        if crowded {
            let mut left = crowd;
            while left > 0 {
                let some = left.min(10_000);
                submitting.submit_all(&nobodys, (0..some).map(|_| empty()).collect()).await.unwrap();
                left -= some;
            }
        }
        let tasks: Vec<i64> = submitting
            .submit_all(&diamond(""), (0..200).map(|_| empty()).collect())
            .await
            .unwrap()
            .into_iter()
            .map(|task| task.task_id)
            .collect();
        // what the server reads of the line is counted, not how long it takes on a machine with other work
        let read = async || -> i64 {
            let mut fresh = sqlx::PgConnection::connect_with(&server).await.unwrap();
            let read = sqlx::query_scalar(
                "select (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables where schemaname = 'tasker_engine' and relname = 'ready'",
            )
            .fetch_one(&mut fresh)
            .await
            .unwrap();
            fresh.close().await.unwrap();
            read
        };
        let before = read().await;
        let own = sqlx::PgPool::connect_with(server.clone()).await.unwrap();
        let worker = Here::start(tasker(&own, handler.clone()));
        let done = async {
            let open = "select count(*) from tasker_tasks where task_id = any($1) and not complete";
            while sqlx::query_scalar::<_, i64>(open).bind(&tasks).fetch_one(database.pool()).await.unwrap() > 0 {
                SystemClock::new().sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, done).await.expect("the others come to their end");
        worker.end().await;
        // a session tells what it read at the latest when it ends
        own.close().await;
        all_read.push(read().await - before);
    }
    println!(
        "count: {} rows of the line were read beside nobody, {} beside {crowd} that wait",
        all_read[0], all_read[1]
    );
    assert!(all_read[0] > 0, "nothing was counted");
    assert!(all_read[1] < all_read[0] * 3 + 2000, "{all_read:?}");
}

/// Statistics that were taken while the side tables were empty, and a transaction that stays open so that nothing can be
/// cleaned up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_of_empty_tables_and_a_transaction_that_stays_open_do_no_harm() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    sqlx::query("vacuum analyze").execute(pool).await.unwrap();
    let mut open = pool.begin().await.unwrap();
    sqlx::query("select pg_current_xact_id()").execute(&mut *open).await.unwrap();
    let handler = handler_fn(async |_: StepContext| Ok::<_, StepError>(Output::empty()));
    let tasker = tasker(pool, handler.clone());
    tasker.register(&diamond("")).await.unwrap();
    let requests = (0..500).map(|number| Request::new(Json::parse(&format!("{{\"n\": {number}}}")).unwrap())).collect();
    tasker.submit_all(&diamond(""), requests).await.unwrap();
    let own = sqlx::PgPool::connect_with(database.options()).await.unwrap();
    let worker = Here::start(crate::support::tasker(&own, handler));
    until_all_ended(pool, LONG).await;
    worker.end().await;
    // a session tells what it read at the latest when it ends
    own.close().await;
    let looked: i64 = sqlx::query_scalar(
        "select coalesce(sum(idx_scan), 0)::bigint from pg_stat_user_tables where relname = 'queue'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert!(looked > 0, "nothing was counted");
    let scans: i64 = sqlx::query_scalar(
        "select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_user_tables
         where relname in ('queue', 'tasker_workflow_step_transitions', 'tasker_workflow_step_edges')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    println!("count: {scans} rows were read by scans of whole tables");
    assert!(scans < 100_000, "2,000 steps read {scans} rows by scans of whole tables");
    open.rollback().await.unwrap();
    rebuild_changes_nothing(pool).await;
}

/// A transaction that stays open for long: nothing that was written since can be cleaned up, and what was learnt of the side
/// tables while they were empty is all that the planner knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_stays_open_for_long_does_no_harm() {
    const TASKS: usize = 100;
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    sqlx::query("vacuum analyze").execute(pool).await.unwrap();
    let mut open = pool.begin().await.unwrap();
    sqlx::query("select pg_current_xact_id()").execute(&mut *open).await.unwrap();
    let handler = handler_fn(async |_: StepContext| Ok::<_, StepError>(Output::empty()));
    let own = sqlx::PgPool::connect_with(database.options()).await.unwrap();
    let submitting = tasker(pool, handler.clone());
    let worker = Here::start(crate::support::tasker(&own, handler));
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(10));
    let mut rounds: Vec<Duration> = Vec::new();
    while clock.elapsed() < until {
        let begun = clock.elapsed();
        submitting.submit_all(&diamond(""), (0..TASKS).map(|_| empty()).collect()).await.unwrap();
        until_all_ended(pool, LONG).await;
        rounds.push(clock.elapsed() - begun);
    }
    worker.end().await;
    // a session tells what it read at the latest when it ends
    own.close().await;
    let read: i64 = sqlx::query_scalar(
        "select coalesce(sum(seq_tup_read), 0)::bigint from pg_stat_user_tables
         where relname in ('queue', 'ready', 'later', 'tasker_workflow_step_edges')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    let unclean: i64 = sqlx::query_scalar(
        "select coalesce(sum(n_dead_tup), 0)::bigint from pg_stat_user_tables where relname in ('queue', 'ready', 'task')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    let steps = (rounds.len() * TASKS * 4) as i64;
    let median = |rounds: &[Duration]| {
        let mut sorted = rounds.to_vec();
        sorted.sort();
        sorted[sorted.len() / 2].as_millis()
    };
    let some = rounds.len().div_ceil(5);
    println!(
        "count: {steps} steps; a round of {TASKS} tasks took {} ms in the first fifth and {} ms in the last; {unclean} rows could not be cleaned up, {read} were read by scans of whole tables",
        median(&rounds[..some]),
        median(&rounds[rounds.len() - some..])
    );
    assert!(unclean > steps, "the transaction kept nothing from being cleaned up");
    assert!(read < steps * 4, "{steps} steps read {read} rows by scans of whole tables");
    open.rollback().await.unwrap();
    rebuild_changes_nothing(pool).await;
}
