//! What is paused is not started, whoever names the task.

use std::time::Duration;

use tasker_core::{Because, Handled, Request, StepError};
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;
use tasker_postgres::ledger::{Exchange, Operator, Paused, StepChange};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, reserved, template, worker};

const BY: Operator<'static> = Operator { actor: "ada", reason: "stocktaking", now: None, dry_run: false };
const PAUSED: Handled = Handled::Again { after: Duration::from_secs(60), because: Because::Paused };

fn request() -> Request {
    Request::new(Json::parse("{}").unwrap())
}

async fn handle(bench: &Bench, task_id: i64) -> Handled {
    bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap()
}

#[tokio::test]
async fn a_task_of_a_paused_queue_or_type_is_left_by_who_names_it() {
    let bench = Bench::new(Script::default()).await;
    let task = template("", &[("a", "queue: parcels"), ("b", "queue: letters, depends_on_step: a")]);
    let task_id = bench.tasker().submit(&task, request()).await.unwrap().task_id;
    let ledger = bench.tasker().ledger().clone();
    for paused in [Paused::Queue("parcels"), Paused::Type("tests/test")] {
        ledger.pause(paused, BY).await.unwrap();
        assert_eq!(handle(&bench, task_id).await, PAUSED, "{paused:?}");
        ledger.resume(paused, BY).await.unwrap();
    }
    assert_eq!(bench.script.ran(), [], "nothing was started");
    let moves: i64 = sqlx::query_scalar("select count(*) from tasker_workflow_step_transitions")
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(moves, 0, "and nothing was claimed");
    for elsewhere in [Paused::Queue("elsewhere"), Paused::Type("tests/others")] {
        ledger.pause(elsewhere, BY).await.unwrap();
    }
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
}

/// A step whose time has come stays where it is while its queue is paused; one that waits elsewhere says when to come again.
#[tokio::test]
async fn what_waits_for_its_time_beside_something_paused_says_when() {
    let busy = |seconds| {
        move |step: &tasker_core::StepContext| match step.attempt() {
            1 => Err(StepError::retryable("busy").retry_after(Duration::from_secs(seconds))),
            _ => Ok(serde_json::json!({})),
        }
    };
    let bench = Bench::new(Script::default().on("a", busy(20)).on("b", busy(50))).await;
    let task = template("", &[("a", "queue: parcels"), ("b", "queue: letters")]);
    let task_id = bench.tasker().submit(&task, request()).await.unwrap().task_id;
    let ledger = bench.tasker().ledger().clone();
    let waits = |seconds| Handled::Again { after: Duration::from_secs(seconds), because: Because::StepWaitsForItsTime };
    assert_eq!(handle(&bench, task_id).await, waits(20));
    ledger.pause(Paused::Queue("parcels"), BY).await.unwrap();
    bench.clock.advance(Duration::from_secs(21));
    assert_eq!(handle(&bench, task_id).await, waits(29));
    ledger.pause(Paused::Queue("letters"), BY).await.unwrap();
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(handle(&bench, task_id).await, PAUSED);
    assert_eq!(bench.script.ran().len(), 2, "nothing was started");
    ledger.resume(Paused::Queue("parcels"), BY).await.unwrap();
    ledger.resume(Paused::Queue("letters"), BY).await.unwrap();
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
}

/// Of a task that is paused in part, that part is left: what stands in line, what comes due, and what is unlocked.
#[tokio::test]
async fn a_task_that_is_paused_in_part_goes_on_in_the_other() {
    let busy = |step: &tasker_core::StepContext| match step.attempt() {
        1 => Err(StepError::retryable("busy").retry_after(Duration::from_secs(20))),
        _ => Ok(serde_json::json!({})),
    };
    let bench = Bench::new(Script::default().on("due", busy)).await;
    let steps = [
        ("due", "queue: parcels"),
        ("line", "queue: parcels"),
        ("free", "queue: letters"),
        ("child", "queue: parcels, depends_on_step: free"),
        ("next", "queue: letters, depends_on_step: free"),
    ];
    let task_id = bench.tasker().submit(&template("", &steps), request()).await.unwrap().task_id;
    let ledger = bench.tasker().ledger().clone();
    let ran = || {
        let mut ran: Vec<String> = bench.script.ran().into_iter().map(|(step, _)| step).collect();
        ran.sort();
        ran
    };
    // Only `due` runs, and waits for its next attempt.
    ledger.pause(Paused::Queue("letters"), BY).await.unwrap();
    let line = ledger.find_steps(task_id, "line").await.unwrap()[0];
    let by = Operator { now: tasker_core::clock::Clock::record_time(&bench.clock), ..BY };
    ledger.change_step(line, &StepChange::Cancel, by).await.unwrap();
    let waits = Handled::Again { after: Duration::from_secs(20), because: Because::StepWaitsForItsTime };
    assert_eq!(handle(&bench, task_id).await, waits);
    assert_eq!(ran(), ["due"]);
    ledger.pause(Paused::Queue("parcels"), BY).await.unwrap();
    ledger.resume(Paused::Queue("letters"), BY).await.unwrap();
    bench.clock.advance(Duration::from_secs(21));
    assert_eq!(handle(&bench, task_id).await, PAUSED);
    assert_eq!(ran(), ["due", "free", "next"], "its child waits, and what is due does");
    ledger.resume(Paused::Queue("parcels"), BY).await.unwrap();
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Error });
    assert_eq!(ran(), ["child", "due", "due", "free", "next"]);
    assert_eq!(tasker_testing::invariants::broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_others_hold_of_a_paused_task_is_looked_after() {
    let bench = Bench::new(Script::default()).await;
    let task = template("", &[("a", "queue: parcels"), ("b", "queue: parcels")]);
    let registered = bench.tasker().register(&task).await.unwrap();
    let task_id = bench.tasker().submit(&task, request()).await.unwrap().task_id;
    let ledger = bench.tasker().ledger().clone();
    let holder = ledger.start_worker(&worker("holder", Duration::from_secs(3600))).await.unwrap();
    let exchange = Exchange { want: 1, lanes: &registered.lane_ids, ..Exchange::new(holder, "holder") };
    assert_eq!(ledger.exchange(&exchange).await.unwrap().claims.len(), 1);
    ledger.pause(Paused::Queue("parcels"), BY).await.unwrap();
    let held = handle(&bench, task_id).await;
    assert!(matches!(held, Handled::Again { because: Because::OthersCarryItOut, .. }), "{held:?}");
    sqlx::query("update tasker_engine.worker set seen_at = seen_at - interval '2 hours' where worker_id = $1")
        .bind(holder)
        .execute(bench.pool())
        .await
        .unwrap();
    let silent = handle(&bench, task_id).await;
    assert!(matches!(silent, Handled::Again { because: Because::TakenOver, .. }), "{silent:?}");
    assert_eq!(bench.script.ran(), []);
}

/// Who names a reserved task works it: that is what it is reserved for.
#[tokio::test]
async fn a_reserved_task_goes_on_whatever_is_paused() {
    let bench = Bench::new(Script::default()).await;
    let registered = bench.tasker().register(&template("", &[("a", "queue: parcels")])).await.unwrap();
    let tasks = [reserved(registered.definition_id, "one")];
    let ledger = bench.tasker().ledger().clone();
    let created = ledger.exchange(&Exchange { tasks: &tasks, ..Exchange::new(0, "t") }).await.unwrap();
    ledger.pause(Paused::Queue("parcels"), BY).await.unwrap();
    let handled = handle(&bench, created.created[0].task_id).await;
    assert_eq!(handled, Handled::AtRest { state: TaskState::Complete });
}
