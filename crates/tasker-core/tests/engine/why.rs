//! R-32: whatever state a task is in, each of its open steps has one reason, and it is the true one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::value::RawValue;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::{Handlers, Request, StepError, Tasker, ops};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{
    Exchange, NewWorker, Operated, Operator, Paused, Registered, Settled, Settlement, StepChange, TaskChange,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond, reserved, template};

const BY: Operator<'static> = Operator { actor: "ada", reason: "a test", now: None, dry_run: false };
const LONG: Duration = Duration::from_secs(3600);

/// Works by the database's clock, as outside of tests: whether something is due is judged by it.
fn tasker(bench: &Bench) -> Tasker {
    Tasker::new(bench.pool().clone(), Handlers::new().with("H", bench.script.clone())).unwrap().allowing_redefinition()
}

fn request() -> Request {
    Request::new(Json::parse("{}").unwrap())
}

async fn submitted(bench: &Bench, template: &Template) -> i64 {
    tasker(bench).submit(template, request()).await.unwrap().task_id
}

/// Step and code of each open step; the code of the task itself where it has none.
async fn codes(bench: &Bench, task_id: i64) -> String {
    let why = ops::why(tasker(bench).ledger(), task_id).await.unwrap().unwrap();
    let own = why.reason.iter().map(|reason| format!("task {}", reason.code()));
    let steps = why.steps.iter().map(|step| format!("{} {}", step.step, step.reason.code()));
    own.chain(steps).collect::<Vec<_>>().join(", ")
}

/// No unfinished task is without a reason, and none of them says that rows differ.
async fn assert_reasons(bench: &Bench) {
    let ids: Vec<i64> =
        sqlx::query_scalar("select task_id from tasker_tasks order by 1").fetch_all(bench.pool()).await.unwrap();
    for task_id in ids {
        let why = ops::why(tasker(bench).ledger(), task_id).await.unwrap().unwrap();
        assert!(why.at_rest || !why.steps.is_empty() || why.reason.is_some(), "task {task_id} has no reason");
        assert!(!codes(bench, task_id).await.contains("side_rows_differ"), "task {task_id}");
    }
}

/// Enters a worker that does nothing.
async fn worker<'n>(bench: &Bench, change: impl FnOnce(&mut NewWorker<'n>)) -> i32 {
    let mut worker: NewWorker<'n> = crate::support::worker("idle", LONG);
    change(&mut worker);
    tasker(bench).ledger().start_worker(&worker).await.unwrap()
}

async fn forget_workers(bench: &Bench) {
    sqlx::query("delete from tasker_engine.worker").execute(bench.pool()).await.unwrap();
}

async fn execute(bench: &Bench, sql: &'static str, task_id: i64) {
    sqlx::query(sql).bind(task_id).execute(bench.pool()).await.unwrap();
}

/// Claims steps in the name of a worker.
async fn claim(bench: &Bench, worker: i32, call: i32, want: usize, registered: &Registered) -> Vec<(i64, i32)> {
    let exchange = Exchange { want, lanes: &registered.lane_ids, call, ..Exchange::new(worker, "idle") };
    let reply = tasker(bench).ledger().exchange(&exchange).await.unwrap();
    reply.claims.iter().map(|claim| (claim.step_id, claim.token)).collect()
}

#[tokio::test]
async fn what_is_ready_says_which_worker_is_missing() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench, &template("", &[("a", "queue: parcels")])).await;
    assert_eq!(codes(&bench, task_id).await, "a no_worker_for_queue");
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let (others, own) = (names(&["letters"]), names(&["parcels"]));
    worker(&bench, |worker| worker.queues = Some(&others)).await;
    assert_eq!(codes(&bench, task_id).await, "a no_worker_for_queue");
    worker(&bench, |worker| (worker.queues, worker.handlers) = (Some(own.as_slice()), Some(others.as_slice()))).await;
    assert_eq!(codes(&bench, task_id).await, "a no_worker_with_handler");
    worker(&bench, |worker| worker.templates = Some(&others)).await;
    assert_eq!(codes(&bench, task_id).await, "a no_worker_with_template");
    let template = names(&["tests/test 1.0.0"]);
    worker(&bench, |worker| worker.templates = Some(&template)).await;
    assert_eq!(codes(&bench, task_id).await, "a in_line");
    assert_reasons(&bench).await;
}

/// What a worker's list says is what it is given: the lanes follow the templates.
#[tokio::test]
async fn a_worker_of_templates_is_given_no_other_lanes() {
    let bench = Bench::new(Script::default()).await;
    let served = template("", &[("a", "")]);
    let mut other = served.clone();
    other.name = "other".to_owned();
    let registered = tasker(&bench).register(&served).await.unwrap();
    tasker(&bench).register(&other).await.unwrap();
    let templates = ["tests/test 1.0.0".to_owned()];
    let of_one = worker(&bench, |worker| worker.templates = Some(&templates)).await;
    assert_eq!(tasker(&bench).ledger().lanes(of_one).await.unwrap(), registered.lane_ids);
    let of_all = worker(&bench, |_| {}).await;
    assert_eq!(tasker(&bench).ledger().lanes(of_all).await.unwrap().len(), 2);
}

#[tokio::test]
async fn waits_have_their_instant_until_nobody_is_there_to_end_them() {
    let bench = Bench::new(Script::default().on("b", |_| Err(StepError::failure("no")))).await;
    let parked = submitted(&bench, &diamond("")).await;
    tasker(&bench).handle_task(parked, CancellationToken::new()).await.unwrap();
    assert_eq!(codes(&bench, parked).await, "b waits_for_retry, d waits_for_parents");
    let later = SystemClock::new().wall_time() + TimeDelta::hours(1);
    let delayed = tasker(&bench).submit(&diamond(""), request().not_before(later)).await.unwrap().task_id;
    let roots = codes(&bench, delayed).await;
    assert!(roots.starts_with("a waits_for_start, b waits_for_parents"), "{roots}");
    assert_reasons(&bench).await;
    // The engine of these tests lives in the past: what waits there has long been due for the database.
    let overdue = bench.tasker().submit(&diamond(""), request()).await.unwrap().task_id;
    bench.tasker().handle_task(overdue, CancellationToken::new()).await.unwrap();
    assert_eq!(codes(&bench, overdue).await, "b no_worker_for_queue, d waits_for_parents");
    worker(&bench, |_| {}).await;
    assert_eq!(codes(&bench, overdue).await, "b waits_for_retry, d waits_for_parents");
    assert_reasons(&bench).await;
}

#[tokio::test]
async fn pauses_say_what_is_paused() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench, &template("", &[("a", "queue: parcels")])).await;
    let ledger = tasker(&bench).ledger().clone();
    worker(&bench, |_| {}).await;
    ledger.pause(Paused::Type("tests/test"), BY).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "a paused");
    ledger.resume(Paused::Type("tests/test"), BY).await.unwrap();
    ledger.pause(Paused::Queue("parcels"), BY).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "a paused");
    ledger.change_tasks(&[task_id], TaskChange::Pause, BY).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "a task_paused");
    ledger.change_tasks(&[task_id], TaskChange::Resume, BY).await.unwrap();
    ledger.resume(Paused::Queue("parcels"), BY).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "a in_line");
    assert_reasons(&bench).await;
}

#[tokio::test]
async fn the_dead_the_halted_and_those_at_rest() {
    let script = Script::default()
        .on("b", |_| Err(StepError::permanent("broken")))
        .on("c", |_| Err(StepError::failure("not yet")));
    let bench = Bench::new(script).await;
    let task_id = submitted(&bench, &diamond("")).await;
    tasker(&bench).handle_task(task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "b dead_permanent, c waits_for_retry, d waits_for_parents");

    let once = template("", &[("b", ""), ("d", "depends_on_step: b"), ("c", "default_retry_limit: 1")]);
    let failed = submitted(&bench, &once).await;
    tasker(&bench).handle_task(failed, CancellationToken::new()).await.unwrap();
    assert_eq!(codes(&bench, failed).await, "b dead_permanent, d task_at_rest, c dead_exhausted");

    let fast = template("fail_fast: true", &[("x", ""), ("y", ""), ("z", "")]);
    let registered = tasker(&bench).register(&fast).await.unwrap();
    let halted = submitted(&bench, &fast).await;
    let worker = worker(&bench, |_| {}).await;
    let claims = claim(&bench, worker, 1, 2, &registered).await;
    let error = RawValue::from_string(r#"{"error": "broken"}"#.to_owned()).unwrap();
    let outcomes = [Settled { step_id: claims[0].0, token: claims[0].1, settlement: Settlement::Permanent { error } }];
    let exchange = Exchange { outcomes: &outcomes, call: 2, ..Exchange::new(worker, "idle") };
    tasker(&bench).ledger().exchange(&exchange).await.unwrap();
    assert_eq!(codes(&bench, halted).await, "x dead_permanent, y running, z halted");
    assert_reasons(&bench).await;
}

#[tokio::test]
async fn what_is_held_says_by_whom_and_whether_it_lives() {
    let bench = Bench::new(Script::default()).await;
    let one = template("", &[("a", "")]);
    let registered = tasker(&bench).register(&one).await.unwrap();
    let (held, lost) = (submitted(&bench, &one).await, submitted(&bench, &one).await);
    let living = worker(&bench, |_| {}).await;
    assert_eq!(claim(&bench, living, 1, 1, &registered).await.len(), 1);
    let dying = worker(&bench, |_| {}).await;
    assert_eq!(claim(&bench, dying, 1, 1, &registered).await.len(), 1);
    sqlx::query("update tasker_engine.worker set seen_at = seen_at - interval '1 day' where worker_id = $1")
        .bind(dying)
        .execute(bench.pool())
        .await
        .unwrap();
    assert_eq!(codes(&bench, held).await, "a running");
    assert_eq!(codes(&bench, lost).await, "a abandoned");
    let listed = tasker(&bench).ledger().workers().await.unwrap();
    let seen: Vec<_> = listed.iter().map(|worker| (worker.alive, worker.held[0].task_id, worker.holds)).collect();
    assert_eq!(seen, [(true, held, 1), (false, lost, 1)]);
    assert_reasons(&bench).await;
}

#[tokio::test]
async fn what_is_reserved_waits_for_who_names_it() {
    let bench = Bench::new(Script::default()).await;
    let registered = tasker(&bench).register(&template("", &[("a", "")])).await.unwrap();
    let tasks = [reserved(registered.definition_id, "one")];
    let created = tasker(&bench).ledger().exchange(&Exchange { tasks: &tasks, ..Exchange::new(0, "t") }).await.unwrap();
    worker(&bench, |_| {}).await;
    assert_eq!(codes(&bench, created.created[0].task_id).await, "a reserved");
    assert_reasons(&bench).await;
}

#[tokio::test]
async fn a_step_that_was_called_off_holds_what_comes_after_it() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench, &template("", &[("a", ""), ("b", "depends_on_step: a"), ("c", "")])).await;
    worker(&bench, |_| {}).await;
    let ledger = tasker(&bench).ledger().clone();
    let step = ledger.find_steps(task_id, "a").await.unwrap()[0];
    ledger.change_step(step, &StepChange::Cancel, BY).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "a cancelled, b behind_dead_parent, c in_line");
    // What the reason says to do is legal.
    let child = ledger.find_steps(task_id, "b").await.unwrap()[0];
    let resolved = ledger.change_step(child, &StepChange::Resolve, BY).await.unwrap();
    assert!(matches!(resolved, Operated::Done { .. }), "{resolved:?}");
    ledger.change_tasks(&[task_id], TaskChange::Operation(TaskOperation::Cancel), BY).await.unwrap();
    assert_eq!(codes(&bench, task_id).await, "a cancelled, c cancelled");
    assert_reasons(&bench).await;
}

#[tokio::test]
async fn tasks_of_others_say_whether_anybody_adopts_them() {
    let bench = Bench::new(Script::default()).await;
    let empty = submitted(&bench, &template("", &[("a", "")])).await;
    let foreign = submitted(&bench, &template("", &[("a", ""), ("b", "")])).await;
    for task_id in [foreign, empty] {
        execute(&bench, "delete from tasker_engine.ready where step_id in (select workflow_step_id from tasker_workflow_steps where task_id = $1)", task_id).await;
        execute(&bench, "delete from tasker_engine.queue where task_id = $1", task_id).await;
        execute(&bench, "delete from tasker_engine.task where task_id = $1", task_id).await;
    }
    execute(&bench, "delete from tasker_workflow_steps where task_id = $1", empty).await;
    worker(&bench, |_| {}).await;
    assert_eq!(codes(&bench, foreign).await, "a not_adopted, b not_adopted");
    assert_eq!(codes(&bench, empty).await, "task not_adopted");
    let types = ["tests/test".to_owned()];
    worker(&bench, |worker| worker.types = &types).await;
    assert_eq!(codes(&bench, foreign).await, "a to_be_adopted, b to_be_adopted");
    assert_eq!(codes(&bench, empty).await, "task to_be_adopted");
    tasker(&bench).register(&template("", &[("c", "")])).await.unwrap();
    assert_eq!(codes(&bench, foreign).await, "a fits_no_definition, b fits_no_definition");
    execute(
        &bench,
        "insert into tasker_workflow_step_transitions (to_state, from_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         select 'in_progress', 'pending', 10, true, min(workflow_step_id), now(), now() from tasker_workflow_steps where task_id = $1",
        foreign,
    )
    .await;
    assert_eq!(codes(&bench, foreign).await, "a runs_elsewhere, b fits_no_definition");
    assert_reasons(&bench).await;
}

/// One operation after another, on tasks that were begun or not: after each of them every task still has its reasons.
#[tokio::test]
async fn after_any_operation_there_is_a_reason() {
    let script = Script::default()
        .on("b", |_| Err(StepError::failure("not yet")))
        .on("c", |_| Err(StepError::permanent("broken")));
    let bench = Bench::new(script).await;
    let ledger = tasker(&bench).ledger().clone();
    let results = || RawValue::from_string("{}".to_owned()).unwrap();
    let steps = [
        StepChange::Cancel,
        StepChange::Resolve,
        StepChange::Complete { results: results() },
        StepChange::Bypass,
        StepChange::Retry { attempts: 1 },
        StepChange::Limit { attempts: 1 },
    ];
    let tasks =
        [TaskChange::Operation(TaskOperation::Cancel), TaskChange::Operation(TaskOperation::Retry), TaskChange::Pause];
    for worked in [false, true] {
        for step in ["b", "d"] {
            for change in &steps {
                for after in &tasks {
                    let task_id = submitted(&bench, &diamond("")).await;
                    if worked {
                        tasker(&bench).handle_task(task_id, CancellationToken::new()).await.unwrap();
                    }
                    let step_id = ledger.find_steps(task_id, step).await.unwrap()[0];
                    ledger.change_step(step_id, change, BY).await.unwrap();
                    ledger.change_tasks(&[task_id], *after, BY).await.unwrap();
                    let found = codes(&bench, task_id).await;
                    assert!(!found.contains("side_rows_differ"), "{step} {change:?} {after:?}: {found}");
                }
            }
        }
    }
    assert_reasons(&bench).await;
    forget_workers(&bench).await;
}
