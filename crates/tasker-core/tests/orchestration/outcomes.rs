//! What a task's creation, its attempts and its end write, and together with what.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::{Because, Handled, Handlers, Request, RunError, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_domain::state::TaskState;
use tasker_postgres::ledger::{Exchange, Operator, TaskChange};
use tokio_util::sync::CancellationToken;

use crate::support::{Script, diamond, template, worker};
use crate::world::{World, failing};

/// Rows of one transaction carry its number.
async fn transactions(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(world.pool()).await.unwrap()
}

#[tokio::test]
async fn a_task_is_created_in_one_transaction() {
    let world = World::new(Script::default()).await;
    world.submit(&diamond("")).await;
    let sql = "select count(distinct x) from (
        select xmin::text x from tasker_tasks union all select xmin::text from tasker_workflow_steps
        union all select xmin::text from tasker_workflow_step_edges union all select xmin::text from tasker_engine.queue) t";
    assert_eq!(transactions(&world, sql).await, 1);
}

#[tokio::test]
async fn an_outcome_is_written_in_one_transaction() {
    for script in [Script::default(), failing(&[("only", 1)])] {
        let world = World::new(script).await;
        let task_id = world.submit(&template("", &[("only", "")])).await;
        world.pass(task_id).await;
        let sql = "select count(distinct x) from (
            select xmin::text x from tasker_workflow_steps
            union all select xmin::text from tasker_workflow_step_transitions where most_recent
            union all select xmin::text from tasker_task_transitions where most_recent) t";
        assert_eq!(transactions(&world, sql).await, 1, "step, its history and the task's");
    }
}

#[tokio::test]
async fn the_flag_of_a_complete_task_comes_with_its_state() {
    let world = World::new(Script::default()).await;
    let task_id = world.submit(&diamond("")).await;
    world.pass(task_id).await;
    let sql = "select count(distinct x) from (
        select xmin::text x from tasker_tasks where complete
        union all select xmin::text from tasker_task_transitions where most_recent and to_state = 'complete') t";
    assert_eq!(transactions(&world, sql).await, 1);
}

#[tokio::test]
async fn keys_of_earlier_results_survive_a_failure() {
    let script = Script::default().on("only", |step: &StepContext| {
        let error = StepError::failure(format!("number {}", step.attempt()));
        Err(if step.attempt() == 1 { error.with_code("FIRST") } else { error })
    });
    let world = World::new(script).await;
    let task_id = world.submit(&template("", &[("only", "")])).await;
    world.to_its_end(task_id).await;
    let results: Value =
        sqlx::query_scalar("select results from tasker_workflow_steps").fetch_one(world.pool()).await.unwrap();
    assert_eq!((&results["error"], &results["error_class"]), (&json!("number 3"), &json!("RuntimeError")));
    assert_eq!(
        results["error_details"]["error_code"], "FIRST",
        "what the first failure left and the others did not touch"
    );
}

#[tokio::test]
async fn a_call_without_work_writes_nothing() {
    let world = World::new(Script::default()).await;
    world.submit(&diamond("")).await;
    let ledger = world.tasker.ledger();
    let id = ledger.start_worker(&worker("idle", Duration::from_secs(9))).await.unwrap();
    let lanes = ledger.lanes(id).await.unwrap();
    let call = Exchange { lanes: &lanes, wake: true, ..Exchange::new(id, "idle") };
    let reply = ledger.exchange(&call).await.unwrap();
    assert!(reply.claims.is_empty() && reply.ended.is_empty() && reply.parked.is_empty());
    let sql = "select (select count(*) from tasker_task_transitions) + (select count(*) from tasker_workflow_step_transitions)
        + (select count(*) from tasker_workflow_steps where attempts is distinct from 0)";
    assert_eq!(transactions(&world, sql).await, 0);
}

#[tokio::test]
async fn a_task_at_rest_is_not_started_again() {
    let world = World::new(failing(&[("b", 99)])).await;
    let failed = world.submit(&diamond("")).await;
    assert_eq!(world.to_its_end(failed).await, TaskState::Error);
    let mut short = template("", &[("only", "")]);
    short.name = "short".to_owned();
    let complete = world.submit(&short).await;
    world.to_its_end(complete).await;
    let cancelled = world.submit(&diamond("")).await;
    let cancel = TaskChange::Operation(TaskOperation::Cancel);
    let by = Operator { actor: "ada", reason: "a test", now: None, dry_run: false };
    world.tasker.ledger().change_tasks(&[cancelled], cancel, by).await.unwrap();
    let sql = "select (select count(*) from tasker_task_transitions) + (select count(*) from tasker_workflow_step_transitions)";
    let before = transactions(&world, sql).await;
    for (task_id, state) in
        [(failed, TaskState::Error), (complete, TaskState::Complete), (cancelled, TaskState::Cancelled)]
    {
        assert_eq!(world.pass(task_id).await, Handled::AtRest { state });
    }
    assert_eq!(transactions(&world, sql).await, before, "nothing was written");
}

#[tokio::test]
async fn a_task_that_others_carry_out_is_looked_at_again() {
    let world = World::new(Script::default()).await;
    let task_id = world.submit(&diamond("")).await;
    let ledger = world.tasker.ledger();
    let id = ledger.start_worker(&worker("other", Duration::from_secs(60))).await.unwrap();
    let call = Exchange { want: 1, task: Some(task_id), ..Exchange::new(id, "other") };
    assert_eq!(ledger.exchange(&call).await.unwrap().claims.len(), 1);
    let handled = world.pass(task_id).await;
    assert!(matches!(handled, Handled::Again { because: Because::OthersCarryItOut, .. }), "{handled:?}");
    assert_eq!(world.state(task_id).await, "in_progress");
    assert!(world.script.ran().is_empty());
}

/// The rows are the truth: what another program did to them meanwhile is noticed before a step is carried out.
#[tokio::test]
async fn a_step_that_another_program_settled_is_not_carried_out() {
    let world = World::new(Script::default()).await;
    let task_id = world.submit(&diamond("")).await;
    let b = world.step(task_id, "b").await.step_id;
    sqlx::query(
        "insert into tasker_workflow_step_transitions (to_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         values ('resolved_manually', '{}', 10, true, $1, now(), now())",
    )
    .bind(b)
    .execute(world.pool())
    .await
    .unwrap();
    assert_eq!(world.pass(task_id).await, Handled::AtRest { state: TaskState::Complete });
    let ran: HashSet<String> = world.script.ran().into_iter().map(|(step, _)| step).collect();
    assert_eq!(ran, HashSet::from(["a", "c", "d"].map(str::to_owned)));
    assert_eq!(world.step(task_id, "b").await.state.as_str(), "resolved_manually");
}

#[tokio::test]
async fn an_unknown_task_is_told_and_nothing_is_written() {
    let world = World::new(Script::default()).await;
    let handled = world.tasker.handle_task(4711, CancellationToken::new()).await;
    assert!(matches!(handled, Err(RunError::UnknownTask { task_id: 4711 })), "{handled:?}");
    assert_eq!(transactions(&world, "select count(*) from tasker_engine.worker").await, 0);
}

#[tokio::test]
async fn each_task_is_worked_by_the_content_it_was_made_from() {
    let world = World::new(Script::default()).await;
    let old = template("", &[("only", "")]);
    let mut new = template("", &[("one", ""), ("two", "depends_on_step: one")]);
    new.version = "2.0.0".parse().unwrap();
    let mut elsewhere = template("", &[("three", "")]);
    elsewhere.namespace = "elsewhere".to_owned();
    for (template, steps) in [(&old, vec!["only"]), (&new, vec!["one", "two"]), (&elsewhere, vec!["three"])] {
        let task_id = world.submit(template).await;
        let ran = world.script.ran().len();
        assert_eq!(world.pass(task_id).await, Handled::AtRest { state: TaskState::Complete });
        let names: Vec<String> = world.script.ran().into_iter().skip(ran).map(|(step, _)| step).collect();
        assert_eq!(names, steps);
    }
}

/// A failure of the database ends the pass and is handed on.
#[tokio::test]
async fn an_error_of_the_database_reaches_the_caller() {
    let world = World::new(Script::default()).await;
    let pool = world.pool().clone();
    let handler = handler_fn(move |_: StepContext| {
        let pool = pool.clone();
        async move {
            sqlx::raw_sql("alter table tasker_workflow_step_transitions rename to gone").execute(&pool).await?;
            Ok::<_, StepError>(json!({}))
        }
    });
    let tasker = Tasker::new(world.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(Arc::new(world.clock.clone()));
    let task_id = world.submit(&diamond("")).await;
    let handled = tasker.handle_task(task_id, CancellationToken::new()).await;
    assert!(matches!(handled, Err(RunError::Database { .. })), "{handled:?}");
}

/// What each step saw: when it began and ended, and how many ran beside it.
#[derive(Clone, Default)]
struct Crowd {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    spans: Arc<Mutex<Vec<(String, Duration, Duration)>>>,
}

impl Crowd {
    fn tasker(&self, world: &World) -> Tasker {
        let crowd = self.clone();
        let handler = handler_fn(move |step: StepContext| {
            let crowd = crowd.clone();
            async move {
                let began = step.clock().elapsed();
                let beside = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
                crowd.most.fetch_max(beside, Ordering::SeqCst);
                step.clock().sleep(Duration::from_millis(200)).await;
                crowd.now.fetch_sub(1, Ordering::SeqCst);
                let ended = step.clock().elapsed();
                crowd.spans.lock().unwrap().push((step.step_name().to_owned(), began, ended));
                Ok::<_, StepError>(json!({}))
            }
        });
        Tasker::new(world.pool().clone(), Handlers::new().with("H", handler))
            .unwrap()
            .with_clock(Arc::new(world.clock.clone()))
    }
}

#[tokio::test]
async fn independent_steps_overlap_and_what_depends_on_both_waits_for_both() {
    let world = World::new(Script::default()).await;
    let crowd = Crowd::default();
    let task_id =
        world.submit(&template("", &[("one", ""), ("two", ""), ("three", "depends_on_steps: [one, two]")])).await;
    let handled = crowd.tasker(&world).handle_task(task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(handled, Handled::AtRest { state: TaskState::Complete });
    let spans = crowd.spans.lock().unwrap().clone();
    let span =
        |name: &str| spans.iter().find(|(step, ..)| step == name).map(|(_, began, ended)| (*began, *ended)).unwrap();
    let (one, two, three) = (span("one"), span("two"), span("three"));
    assert!(one.0 < two.1 && two.0 < one.1, "{spans:?}");
    assert!(three.0 >= one.1 && three.0 >= two.1, "{spans:?}");
}

#[tokio::test]
async fn no_more_steps_run_at_once_than_there_is_room() {
    let world = World::new(Script::default()).await;
    let crowd = Crowd::default();
    let names: Vec<String> = (0..10).map(|place| format!("s{place}")).collect();
    let steps: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let task_id = world.submit(&template("", &steps)).await;
    crowd.tasker(&world).with_concurrency(3).handle_task(task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(crowd.most.load(Ordering::SeqCst), 3);
    assert_eq!(crowd.spans.lock().unwrap().len(), 10);
}

/// Two handlers that block their threads until both are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn independent_steps_run_on_threads_of_their_own() {
    let world = World::new(Script::default()).await;
    let (meeting, threads) = (Arc::new(Barrier::new(2)), Arc::new(Mutex::new(HashSet::new())));
    let seen = threads.clone();
    let handler = handler_fn(move |_: StepContext| {
        let (meeting, threads) = (meeting.clone(), threads.clone());
        async move {
            meeting.wait();
            threads.lock().unwrap().insert(std::thread::current().id());
            Ok::<_, StepError>(json!({}))
        }
    });
    let tasker = Tasker::new(world.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let template = template("", &[("one", ""), ("two", "")]);
    let task_id = tasker.submit(&template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let work = tasker.handle_task(task_id, CancellationToken::new());
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("both meet").unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}
