//! What stands in the way of each other: workers that die, stop or are taken for dead while others go on (R-15, R-30,
//!

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tasker_core::clock::Clock;
use tasker_core::orchestration::Progress;
use tasker_core::{Ending, Handlers, Output, Run, StepContext, Tasker, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Claim, Ended, Exchange, Ledger, LedgerError, Reply, Settled, Settlement, WorkerId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, reserved, step, steps, template};

const LONG: Duration = Duration::from_secs(60);

fn call(worker: WorkerId, want: usize) -> Exchange<'static> {
    Exchange { want, handover: want, ..Exchange::new(worker, "test") }
}

/// A new reserved task of which the worker claims so many steps.
async fn create(ledger: &Ledger, template: &Template, worker: WorkerId, want: usize) -> (i64, Reply) {
    let registered = ledger.register(template, false).await.unwrap();
    let task = reserved(registered.definition_id, &format!("key-{worker}"));
    let reply = ledger.exchange(&Exchange { tasks: &[task], ..call(worker, want) }).await.unwrap();
    (reply.created[0].task_id, reply)
}

fn settled(claim: &Claim, settlement: Settlement) -> Settled {
    Settled { step_id: claim.step_id, token: claim.token, settlement }
}

fn success() -> Settlement {
    Settlement::Success { results: Output::from(json!({ "ok": true })).into_raw() }
}

fn dead() -> Settlement {
    Settlement::Permanent { error: Output::from(json!({ "error": "no" })).into_raw() }
}

fn by_place(reply: &Reply) -> HashMap<usize, Claim> {
    reply.claims.iter().map(|claim| (claim.place, claim.clone())).collect()
}

#[tokio::test]
async fn a_worker_that_was_declared_lost_claims_nothing_more() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let worker = ledger.start_worker(&crate::support::worker("doomed", LONG)).await.unwrap();
    let template = template("", &[("a", ""), ("b", "depends_on_step: a"), ("c", "")]);
    let (task_id, reply) = create(&ledger, &template, worker, 1).await;
    sqlx::query("update tasker_engine.worker set lost = true").execute(bench.pool()).await.unwrap();
    let outcomes = [settled(&reply.claims[0], success())];
    let lanes = [-task_id];
    let reply = ledger.exchange(&Exchange { outcomes: &outcomes, lanes: &lanes, ..call(worker, 9) }).await.unwrap();
    assert_eq!(
        (reply.refused.len(), reply.claims.len()),
        (0, 0),
        "what nobody took over is recorded, nothing is begun"
    );
    let resumed = bench.tasker().start(Run::resume(&template, task_id)).await.unwrap();
    assert_eq!(resumed.ending, Ending::Complete);
}

#[tokio::test]
async fn what_is_handed_back_into_a_halted_task_is_not_claimed_again() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let worker = ledger.start_worker(&crate::support::worker("stopping", LONG)).await.unwrap();
    let template = template("fail_fast: true", &[("a", ""), ("x", ""), ("y", "depends_on_step: x"), ("z", "")]);
    let (task_id, reply) = create(&ledger, &template, worker, 2).await;
    let claims = by_place(&reply);
    let outcomes = [settled(&claims[&0], dead())];
    let reply = ledger.exchange(&Exchange { outcomes: &outcomes, ..call(worker, 0) }).await.unwrap();
    assert_eq!((reply.halted, reply.ended), (vec![task_id], vec![]), "x runs");
    let outcomes = [settled(&claims[&1], Settlement::HandBack { note: "handed_back" })];
    let lanes = [-task_id];
    let reply = ledger.exchange(&Exchange { outcomes: &outcomes, lanes: &lanes, ..call(worker, 9) }).await.unwrap();
    assert_eq!(reply.claims.len(), 0);
    assert_eq!(reply.ended, [(task_id, Ended::Error)], "nothing of it runs any more (R-15)");
    let report = bench.tasker().start(Run::resume(&template, task_id)).await.unwrap();
    assert_eq!((report.ending, report.executions), (Ending::Error, 0));
    assert_eq!(steps(&report)[1], step("x", "pending", 0, "in_progress error pending"));
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn steps_of_a_companion_that_dies_meanwhile_are_taken_over() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let template = template("jitter: false", &[("a", ""), ("b", ""), ("c", "")]);
    let maker = ledger.start_worker(&crate::support::worker("maker", LONG)).await.unwrap();
    let (task_id, _) = create(&ledger, &template, maker, 0).await;
    let companion =
        ledger.start_worker(&crate::support::worker("companion", Duration::from_millis(300))).await.unwrap();
    let its_ledger = ledger.clone();
    let handler = handler_fn(move |step: StepContext| {
        let ledger = its_ledger.clone();
        async move {
            if step.step_name() == "a" {
                // Claims a step and is never heard of again.
                let lanes = [-step.task_id()];
                let reply = ledger.exchange(&Exchange { lanes: &lanes, ..call(companion, 1) }).await?;
                assert_eq!(reply.claims.len(), 1);
            }
            Ok(json!({}))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(Arc::new(bench.clock.clone()))
        .with_concurrency(1);
    let resumed = tokio::time::timeout(LONG, tasker.start(Run::resume(&template, task_id)))
        .await
        .expect("the dead companion is found")
        .unwrap();
    assert_eq!(resumed.ending, Ending::Complete);
    assert_eq!(resumed.executions, 3);
    assert_eq!(resumed.record.steps.iter().map(|step| step.attempts).sum::<u32>(), 4, "the abandoned attempt counts");
    bench.assert_side_tables_empty().await;
}

/// The worker settles its steps in the order in which they end, whoever takes it over in that of their ids.
#[tokio::test]
async fn a_take_over_and_the_worker_it_takes_for_dead_do_not_fail_each_other() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let worker = ledger.start_worker(&crate::support::worker("slow", LONG)).await.unwrap();
    let template = template("", &[("a", ""), ("b", ""), ("c", "")]);
    let (_, reply) = create(&ledger, &template, worker, 3).await;
    let claims = by_place(&reply);
    let mut barrier = bench.pool().begin().await.unwrap();
    let lock = "select 1 from tasker_engine.queue where step_id = $1 for update";
    sqlx::query(lock).bind(claims[&1].step_id).execute(&mut *barrier).await.unwrap();

    type Settling = tokio::task::JoinHandle<usize>;
    // Until so many calls wait for a lock, or the one that was begun last has done without.
    let waiting = async |count: i64, settling: &Settling| {
        let sql =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while !settling.is_finished()
            && sqlx::query_scalar::<_, i64>(sql).fetch_one(bench.pool()).await.unwrap() < count
        {
            tokio::task::yield_now().await;
        }
    };
    let settle = |order: [usize; 3]| -> Settling {
        let (ledger, mut outcomes) = (ledger.clone(), order.map(|place| settled(&claims[&place], dead())).to_vec());
        tokio::spawn(async move {
            let mut refused = 0;
            while !outcomes.is_empty() {
                let reply = match ledger.exchange(&Exchange { outcomes: &outcomes, ..call(worker, 0) }).await {
                    Err(LedgerError::Held(_)) => continue,
                    reply => reply.unwrap(),
                };
                refused += reply.refused.len();
                // What somebody holds is handed in again.
                outcomes.retain(|outcome| reply.held.contains(&outcome.step_id));
            }
            refused
        })
    };
    // c is the worker's, which waits for b; a is the other's, which waits for c; then the worker wants a.
    let own = settle([2, 1, 0]);
    waiting(1, &own).await;
    let other = settle([0, 2, 1]);
    waiting(2, &other).await;
    barrier.rollback().await.unwrap();
    let refused = own.await.unwrap() + other.await.unwrap();
    assert_eq!(refused, 3, "each step was settled by one of them");
    bench.assert_side_tables_empty().await;
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor panics");
    }
}

#[tokio::test]
async fn a_handler_whose_destructor_panics_fails_its_step() {
    let bench = Bench::new(Script::default()).await;
    let clock = bench.clock.clone();
    let handler = handler_fn(move |step: StepContext| {
        let clock = clock.clone();
        async move {
            let _bomb = Bomb;
            // The limit passes, then the time to wind up; then the handler is dropped as it stands.
            clock.advance(LONG);
            step.cancelled().cancelled().await;
            tokio::task::yield_now().await;
            clock.advance(LONG);
            std::future::pending::<()>().await;
            Ok(json!({}))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(Arc::new(bench.clock.clone()));
    let template = template("timeout_seconds: 1", &[("a", "default_retry_limit: 1")]);
    let run = tasker.run(&template, Json::parse("{}").unwrap());
    let report = tokio::time::timeout(LONG, run).await.expect("the step does not hang").unwrap();
    assert_eq!(report.ending, Ending::Error);
    let results: serde_json::Value = serde_json::from_str(report.record.steps[0].results.get()).unwrap();
    assert!(results["error"].as_str().unwrap().contains("without an outcome"), "{results}");
}

#[tokio::test]
async fn the_grace_at_a_stop_is_not_prolonged_by_steps_that_end() {
    let bench = Bench::new(Script::default()).await;
    let (begun, told, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (its_begun, its_told) = (begun.clone(), told.clone());
    let handler = handler_fn(move |step: StepContext| {
        let (begun, told) = (its_begun.clone(), its_told.clone());
        async move {
            if step.step_name() == "deaf" {
                begun.notify_one();
                std::future::pending::<()>().await;
            }
            step.cancelled().cancelled().await;
            let wound_up = step.clock().deadline(Duration::from_secs(3));
            told.notify_one();
            wound_up.await;
            Ok(json!({}))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(Arc::new(bench.clock.clone()));
    let template = template("", &[("polite", ""), ("deaf", ""), ("after", "depends_on_step: deaf")]);
    let stop = CancellationToken::new();
    let its_done = done.clone();
    let observer = move |progress: Progress| {
        if matches!(progress, Progress::StepSucceeded { .. }) {
            its_done.notify_one();
        }
    };
    let run = Run::new(&template, Json::parse("{}").unwrap()).until(stop.clone()).observed_by(&observer);
    let (report, ()) = tokio::join!(tokio::time::timeout(LONG, tasker.start(run)), async {
        begun.notified().await;
        stop.cancel();
        told.notified().await;
        bench.clock.advance(Duration::from_secs(3));
        done.notified().await;
        bench.clock.advance(Duration::from_secs(2));
    });
    let report = report.expect("five seconds in all").unwrap();
    assert_eq!(report.ending, Ending::Stopped);
    assert_eq!(steps(&report)[1], step("deaf", "pending", 0, "in_progress error pending"));
}

/// also a database whose clock is set back writes histories that go forward.
#[tokio::test]
async fn a_clock_that_is_set_back_leaves_histories_in_order() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let worker = ledger.start_worker(&crate::support::worker("worker", LONG)).await.unwrap();
    let template = template("", &[("a", ""), ("b", "depends_on_step: a"), ("c", "")]);
    let (task_id, reply) = create(&ledger, &template, worker, 1).await;
    let lanes = [-task_id];
    let at = |seconds: i64| Some(reply.instant + chrono::TimeDelta::seconds(seconds));
    let second = ledger.exchange(&Exchange { lanes: &lanes, now: at(100), ..call(worker, 1) }).await.unwrap();
    let outcomes = [settled(&second.claims[0], success()), settled(&reply.claims[0], success())];
    let third = Exchange { outcomes: &outcomes, lanes: &lanes, now: at(50), ..call(worker, 1) };
    let third = ledger.exchange(&third).await.unwrap();
    let outcomes = [settled(&third.claims[0], success())];
    ledger.exchange(&Exchange { outcomes: &outcomes, now: at(10), ..call(worker, 0) }).await.unwrap();
    let backwards: i64 = sqlx::query_scalar(
        "select count(*) from tasker_workflow_step_transitions x join tasker_workflow_step_transitions y
         on y.workflow_step_id = x.workflow_step_id and y.sort_key > x.sort_key and y.created_at < x.created_at",
    )
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(backwards, 0);
}

/// What another exchange holds at this moment can neither be claimed nor be missed.
#[tokio::test]
async fn a_step_whose_place_in_line_is_held_for_a_while_is_waited_for() {
    let bench = Bench::new(Script::default()).await;
    let ledger = Ledger::new(bench.pool().clone());
    let maker = ledger.start_worker(&crate::support::worker("maker", LONG)).await.unwrap();
    let template = template("", &[("a", "")]);
    let (task_id, _) = create(&ledger, &template, maker, 0).await;
    let mut other = bench.pool().begin().await.unwrap();
    sqlx::query("select 1 from tasker_engine.ready for update").execute(&mut *other).await.unwrap();
    let (tasker, run) = (bench.tasker(), Run::resume(&template, task_id));
    let (report, ()) = tokio::join!(tasker.start(run), async {
        // Each look in vain moves the clock by a second.
        while bench.clock.elapsed() < Duration::from_secs(5) {
            tokio::task::yield_now().await;
        }
        other.rollback().await.unwrap();
    });
    assert_eq!(report.unwrap().ending, Ending::Complete);
}
