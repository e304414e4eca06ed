//! Stopping, dying, and going on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tasker_core::orchestration::{Progress, Pulse};
use tasker_core::{Ending, Handlers, Run, RunError, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_testing::TestDatabase;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, step, steps, template};

const QUICK: Pulse = Pulse { every: Duration::from_millis(50), lease: Duration::from_millis(400) };

fn chain() -> Template {
    template("jitter: false", &[("a", ""), ("b", "depends_on_step: a"), ("c", "depends_on_step: b")])
}

/// A handler whose step `b` says that it has begun and then waits for ever, or until it is told to stop.
fn hangs_in_b(begun: Arc<Notify>) -> impl tasker_core::StepHandler {
    handler_fn(move |step: StepContext| {
        let begun = begun.clone();
        async move {
            if step.step_name() == "b" {
                begun.notify_one();
                step.cancelled().cancelled().await;
                return Err(StepError::failure("told to stop"));
            }
            Ok(json!({ "ok": true }))
        }
    })
}

async fn task_id(database: &TestDatabase) -> i64 {
    sqlx::query_scalar("select task_id from tasker_tasks").fetch_one(database.pool()).await.unwrap()
}

#[tokio::test]
async fn a_stopped_run_hands_back_and_can_be_resumed() {
    let bench = Bench::new(Script::default()).await;
    let begun = Arc::new(Notify::new());
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", hangs_in_b(begun.clone()))).unwrap();
    let stop = CancellationToken::new();
    let template = chain();
    let run = tasker.start(Run::new(&template, Json::parse("{}").unwrap()).until(stop.clone()));
    let (report, ()) = tokio::join!(run, async {
        begun.notified().await;
        stop.cancel();
    });
    let report = report.unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert_eq!(steps(&report)[1], step("b", "pending", 0, "in_progress error pending"), "the attempt does not count");
    let reason: String =
        sqlx::query_scalar("select metadata->>'reason' from tasker_workflow_step_transitions where to_state = 'error'")
            .fetch_one(bench.pool())
            .await
            .unwrap();
    assert_eq!(reason, "handed_back");

    let id = task_id(&bench.database).await;
    let resumed = bench.tasker().start(Run::resume(&template, id)).await.unwrap();
    assert_eq!(resumed.ending, Ending::Complete);
    assert_eq!(bench.script.ran(), [("b".to_owned(), 1), ("c".to_owned(), 1)], "a does not run again");
    assert_eq!(steps(&resumed)[1], step("b", "complete", 1, "in_progress error pending in_progress complete"));
    bench.assert_side_tables_empty().await;
    let workers: i64 =
        sqlx::query_scalar("select count(*) from tasker_engine.worker").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(workers, 0);
}

#[tokio::test]
async fn what_a_dead_worker_held_is_taken_over() {
    let bench = Bench::new(Script::default()).await;
    let begun = Arc::new(Notify::new());
    let template = chain();
    let dying = Tasker::new(bench.pool().clone(), Handlers::new().with("H", hangs_in_b(begun.clone())))
        .unwrap()
        .with_pulse(QUICK);
    let doomed = dying.clone();
    let its_template = template.clone();
    let run = tokio::spawn(async move { doomed.run(&its_template, Json::parse("{}").unwrap()).await });
    begun.notified().await;
    // As a kill would: nothing is handed back, the heartbeat stops.
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());

    let id = task_id(&bench.database).await;
    let resumed = Tasker::new(bench.pool().clone(), Handlers::new().with("H", bench.script.clone()))
        .unwrap()
        .start(Run::resume(&template, id))
        .await
        .unwrap();
    assert_eq!(resumed.ending, Ending::Complete);
    assert_eq!(
        steps(&resumed)[1],
        step("b", "complete", 2, "in_progress error pending in_progress complete"),
        "a crash counts (R-13)"
    );
    let abandoned: (String, i32) = sqlx::query_as(
        "select t.metadata->>'reason', (t.metadata->>'attempt')::int from tasker_workflow_step_transitions t where to_state = 'error'",
    )
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(abandoned, ("abandoned".to_owned(), 1));
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn claims_of_a_worker_that_nobody_knows_are_taken_over() {
    let bench = Bench::new(Script::default()).await;
    let begun = Arc::new(Notify::new());
    let template = chain();
    let doomed = Tasker::new(bench.pool().clone(), Handlers::new().with("H", hangs_in_b(begun.clone()))).unwrap();
    let its_template = template.clone();
    let run = tokio::spawn(async move { doomed.run(&its_template, Json::parse("{}").unwrap()).await });
    begun.notified().await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    sqlx::query("delete from tasker_engine.worker").execute(bench.pool()).await.unwrap();
    let id = task_id(&bench.database).await;
    let resumed = bench.tasker().start(Run::resume(&template, id)).await.unwrap();
    assert_eq!(resumed.ending, Ending::Complete);
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn a_task_that_is_being_run_is_not_resumed_beside() {
    let bench = Bench::new(Script::default()).await;
    let begun = Arc::new(Notify::new());
    let template = chain();
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", hangs_in_b(begun.clone())))
        .unwrap()
        .with_pulse(QUICK);
    let stop = CancellationToken::new();
    let run = tasker.start(Run::new(&template, Json::parse("{}").unwrap()).until(stop.clone()));
    let (report, ()) = tokio::join!(run, async {
        begun.notified().await;
        let id = task_id(&bench.database).await;
        let refused = bench.tasker().start(Run::resume(&template, id)).await.unwrap_err();
        assert!(matches!(refused, RunError::BeingRun { .. }), "{refused}");
        stop.cancel();
    });
    assert_eq!(report.unwrap().ending, Ending::Stopped);
}

#[tokio::test]
async fn a_task_is_resumed_only_with_its_own_content() {
    let bench = Bench::new(Script::default()).await;
    bench.run(&chain()).await;
    let id = task_id(&bench.database).await;
    let other = template("jitter: false", &[("a", ""), ("b", "depends_on_step: a")]);
    let refused = bench.tasker().start(Run::resume(&other, id)).await.unwrap_err();
    assert!(matches!(refused, RunError::OtherTemplate { .. }), "{refused}");
    let unknown = bench.tasker().start(Run::resume(&chain(), 4711)).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no task 4711 in this database");
}

#[tokio::test]
async fn resuming_a_finished_task_only_reports() {
    let bench = Bench::new(Script::default()).await;
    bench.run(&chain()).await;
    let report = bench.tasker().start(Run::resume(&chain(), task_id(&bench.database).await)).await.unwrap();
    assert_eq!((report.ending, report.executions), (Ending::Complete, 0));
    assert_eq!(bench.script.ran().len(), 3);
}

#[tokio::test]
async fn progress_is_told_in_order() {
    let script = Script::default()
        .on("b", |step| if step.attempt() == 1 { Err(StepError::failure("busy")) } else { Ok(json!({})) });
    let bench = Bench::new(script).await;
    let told = std::sync::Mutex::new(Vec::new());
    let observer = |progress: Progress| {
        told.lock().unwrap().push(match progress {
            Progress::TaskCreated { .. } => "created".to_owned(),
            Progress::StepStarted { place, attempt, .. } => format!("start {place}.{attempt}"),
            Progress::StepSucceeded { place, attempt, .. } => format!("ok {place}.{attempt}"),
            Progress::StepWillRetry { place, attempt, wait, error, .. } => {
                format!("retry {place}.{attempt} {wait:?} {error}")
            }
            Progress::TaskParked { wait, .. } => format!("parked {wait:?}"),
            Progress::TaskEnded { ended, .. } => format!("{ended:?}"),
            other => format!("{other:?}"),
        });
    };
    let template = chain();
    bench.tasker().start(Run::new(&template, Json::parse("{}").unwrap()).observed_by(&observer)).await.unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        [
            "created",
            "start 0.1",
            "ok 0.1",
            "start 1.1",
            "retry 1.1 2s busy",
            "parked Some(2s)",
            "start 1.2",
            "ok 1.2",
            "start 2.1",
            "ok 2.1",
            "Complete"
        ]
    );
}
