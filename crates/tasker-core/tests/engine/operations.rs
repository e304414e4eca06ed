//! What people do by hand: which rows it writes, that it can be done twice, what is refused, and what follows.

use serde_json::json;
use serde_json::value::RawValue;
use tasker_core::{Handled, Request, StepContext, StepError};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_domain::state::TaskState;
use tasker_postgres::ledger::{Operated, Operator, Paused, StepChange, TaskChange};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond};

const CANCEL: TaskChange = TaskChange::Operation(TaskOperation::Cancel);
const RESOLVE: TaskChange = TaskChange::Operation(TaskOperation::Resolve);
const RETRY: TaskChange = TaskChange::Operation(TaskOperation::Retry);

fn by(bench: &Bench) -> Operator<'static> {
    use tasker_core::clock::Clock;
    Operator { actor: "ada", reason: "a test", now: bench.clock.record_time(), dry_run: false }
}

async fn submitted(bench: &Bench) -> i64 {
    bench.tasker().submit(&diamond(""), Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id
}

async fn handle(bench: &Bench, task_id: i64) -> Handled {
    bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap()
}

async fn step_id(bench: &Bench, task_id: i64, name: &str) -> i64 {
    sqlx::query_scalar(
        "select s.workflow_step_id from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
         where s.task_id = $1 and n.name = $2",
    )
    .bind(task_id)
    .bind(name)
    .fetch_one(bench.pool())
    .await
    .unwrap()
}

/// The states that the task and each of its steps went through, and who made the last move of the task.
async fn history(bench: &Bench, task_id: i64) -> String {
    sqlx::query_scalar(
        "select string_agg(line, '; ' order by place, line) from (
           select 0 as place, 'task ' || coalesce(string_agg(from_state || '>' || to_state, ' ' order by sort_key), '-') as line
           from tasker_task_transitions where task_id = $1
           union all
           select s.workflow_step_id, n.name || ' ' || string_agg(t.from_state || '>' || t.to_state, ' ' order by t.sort_key)
           from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
           join tasker_workflow_step_transitions t using (workflow_step_id)
           where s.task_id = $1 group by 1, n.name) x",
    )
    .bind(task_id)
    .fetch_one(bench.pool())
    .await
    .unwrap()
}

fn done(from: &str, to: &str) -> Operated {
    Operated::Done { from: from.to_owned(), to: to.to_owned() }
}

async fn change(bench: &Bench, task_id: i64, change: TaskChange) -> Operated {
    let ledger = bench.tasker().ledger().clone();
    ledger.change_tasks(&[task_id], change, by(bench)).await.unwrap().remove(0).1
}

async fn change_step(bench: &Bench, step_id: i64, change: StepChange) -> Operated {
    bench.tasker().ledger().clone().change_step(step_id, &change, by(bench)).await.unwrap()
}

#[tokio::test]
async fn a_cancelled_task_takes_every_step_along() {
    let bench = Bench::new(Script::default().on("b", |_| Err(StepError::failure("no")))).await;
    let task_id = submitted(&bench).await;
    assert!(matches!(handle(&bench, task_id).await, Handled::Again { .. }));
    assert_eq!(change(&bench, task_id, CANCEL).await, done("pending", "cancelled"));
    assert_eq!(
        history(&bench, task_id).await,
        "task pending>in_progress in_progress>pending pending>cancelled; \
         a pending>in_progress in_progress>complete; \
         b pending>in_progress in_progress>error error>pending pending>cancelled; \
         c pending>in_progress in_progress>complete; \
         d pending>cancelled"
    );
    assert_eq!(change(&bench, task_id, CANCEL).await, Operated::AlreadySo);
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Cancelled });
    bench.assert_side_tables_empty().await;
    let who: serde_json::Value = sqlx::query_scalar("select metadata from tasker_task_transitions where most_recent")
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(who, json!({"actor": "ada", "reason": "a test", "operation": "cancel"}));
}

#[tokio::test]
async fn a_failed_task_is_sent_on_with_another_attempt() {
    let script = Script::default().on("b", |step: &StepContext| match step.attempt() {
        1 => Err(StepError::permanent("broken")),
        _ => Ok(json!({"mended": true})),
    });
    let bench = Bench::new(script).await;
    let task_id = submitted(&bench).await;
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Error });
    assert_eq!(change(&bench, task_id, RETRY).await, done("error", "pending"));
    assert_eq!(change(&bench, task_id, RETRY).await, Operated::AlreadySo);
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
    assert_eq!(
        history(&bench, task_id).await,
        "task pending>in_progress in_progress>error error>pending pending>in_progress in_progress>complete; \
         a pending>in_progress in_progress>complete; \
         b pending>in_progress in_progress>error error>pending pending>in_progress in_progress>complete; \
         c pending>in_progress in_progress>complete; \
         d pending>in_progress in_progress>complete"
    );
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn a_failed_step_that_is_resolved_lets_its_children_go_on() {
    let bench = Bench::new(Script::default().on("b", |_| Err(StepError::permanent("broken")))).await;
    let task_id = submitted(&bench).await;
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Error });
    let b = step_id(&bench, task_id, "b").await;
    assert_eq!(change_step(&bench, b, StepChange::Resolve).await, done("error", "resolved_manually"));
    assert_eq!(change_step(&bench, b, StepChange::Resolve).await, Operated::AlreadySo);
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
    bench.assert_side_tables_empty().await;
}

/// A worker that comes after the answer would pass over rows that are still locked, and leave the task to nobody.
#[tokio::test]
async fn what_changes_nothing_holds_nothing_once_it_is_answered() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let a = step_id(&bench, task_id, "a").await;
    change_step(&bench, a, StepChange::Bypass).await;
    let mut other = bench.pool().acquire().await.unwrap();
    for turn in 0..20 {
        let answer = match turn % 2 {
            0 => change_step(&bench, a, StepChange::Cancel).await,
            _ => change_step(&bench, a, StepChange::Bypass).await,
        };
        assert!(!matches!(answer, Operated::Done { .. }), "{answer:?}");
        let free: i64 = sqlx::query_scalar(
            "select count(*) from (select from tasker_engine.task where task_id = $1 for update skip locked) free",
        )
        .bind(task_id)
        .fetch_one(&mut *other)
        .await
        .unwrap();
        assert_eq!(free, 1, "after {answer:?}, try {turn}");
    }
}

#[tokio::test]
async fn a_failed_step_gets_results_by_hand() {
    let script = Script::default().on("b", |_| Err(StepError::permanent("broken"))).on("d", |step: &StepContext| {
        Ok(json!({"seen": step.parent_results().get("b").map(|output| output.get().to_owned())}))
    });
    let bench = Bench::new(script).await;
    let task_id = submitted(&bench).await;
    handle(&bench, task_id).await;
    let b = step_id(&bench, task_id, "b").await;
    let results = RawValue::from_string(r#"{"paid": 12.50}"#.to_owned()).unwrap();
    assert_eq!(change_step(&bench, b, StepChange::Complete { results }).await, done("error", "complete"));
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
    let d = step_id(&bench, task_id, "d").await;
    let seen: serde_json::Value =
        sqlx::query_scalar("select results from tasker_workflow_steps where workflow_step_id = $1")
            .bind(d)
            .fetch_one(bench.pool())
            .await
            .unwrap();
    assert_eq!(seen, json!({"seen": "{\"paid\": 12.50}"}));
}

#[tokio::test]
async fn a_step_that_is_passed_over_never_runs() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let (a, d) = (step_id(&bench, task_id, "a").await, step_id(&bench, task_id, "d").await);
    let refused = change_step(&bench, d, StepChange::Bypass).await;
    assert!(matches!(&refused, Operated::Refused(why) if why.contains("parents")), "{refused:?}");
    assert_eq!(change_step(&bench, a, StepChange::Bypass).await, done("pending", "complete"));
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
    let ran: Vec<String> = bench.script.ran().into_iter().map(|(step, _)| step).collect();
    assert!(!ran.contains(&"a".to_owned()) && ran.len() == 3, "{ran:?}");
}

#[tokio::test]
async fn a_cancelled_step_holds_its_task() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let d = step_id(&bench, task_id, "d").await;
    assert_eq!(change_step(&bench, d, StepChange::Cancel).await, done("pending", "cancelled"));
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Error });
    let held: serde_json::Value =
        sqlx::query_scalar("select metadata->'held_by' from tasker_task_transitions where most_recent")
            .fetch_one(bench.pool())
            .await
            .unwrap();
    assert_eq!(held, json!(["d"]));
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn calling_off_the_last_step_that_lives_ends_the_task() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let a = step_id(&bench, task_id, "a").await;
    assert_eq!(change_step(&bench, a, StepChange::Cancel).await, done("pending", "cancelled"));
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Error });
    assert_eq!(history(&bench, task_id).await, "task pending>error; a pending>cancelled");
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn more_attempts_wake_a_step_that_had_used_up_its_own() {
    let script = Script::default().on("b", |step: &StepContext| match step.attempt() {
        1..=3 => Err(StepError::failure("no")),
        _ => Ok(json!({})),
    });
    let bench = Bench::new(script).await;
    let task_id = submitted(&bench).await;
    loop {
        match handle(&bench, task_id).await {
            Handled::AtRest { state } => {
                assert_eq!(state, TaskState::Error);
                break;
            }
            Handled::Again { after, .. } => bench.clock.advance(after),
        }
    }
    let b = step_id(&bench, task_id, "b").await;
    assert_eq!(change_step(&bench, b, StepChange::Limit { attempts: 5 }).await, done("error", "error"));
    let Handled::Again { after, .. } = handle(&bench, task_id).await else { panic!("it waits for its backoff") };
    bench.clock.advance(after);
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
}

#[tokio::test]
async fn what_is_paused_rests_until_it_is_resumed() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    assert_eq!(change(&bench, task_id, TaskChange::Pause).await, done("pending", "pending"));
    assert_eq!(change(&bench, task_id, TaskChange::Pause).await, Operated::AlreadySo);
    assert!(matches!(handle(&bench, task_id).await, Handled::Again { .. }));
    assert!(bench.script.ran().is_empty());
    assert_eq!(change(&bench, task_id, TaskChange::Resume).await, done("pending", "pending"));
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });

    let ledger = bench.tasker().ledger().clone();
    for what in [Paused::Queue("tests"), Paused::Type("tests/test")] {
        assert!(ledger.pause(what, by(&bench)).await.unwrap());
        assert!(!ledger.pause(what, by(&bench)).await.unwrap());
        let worker =
            ledger.start_worker(&crate::support::worker("w", std::time::Duration::from_secs(9))).await.unwrap();
        assert!(ledger.lanes(worker).await.unwrap().is_empty());
        assert!(ledger.resume(what, by(&bench)).await.unwrap());
        assert!(!ledger.resume(what, by(&bench)).await.unwrap());
        assert_eq!(ledger.lanes(worker).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_legal_says_what_would_be() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let refused = change(&bench, task_id, RESOLVE).await;
    assert_eq!(refused, Operated::Refused("cannot resolve what is pending; legal would be: cancel".to_owned()));
    handle(&bench, task_id).await;
    let a = step_id(&bench, task_id, "a").await;
    let refused = change_step(&bench, a, StepChange::Retry { attempts: 1 }).await;
    assert_eq!(
        refused,
        Operated::Refused("cannot retry what is complete; nothing can be done to it any more".to_owned())
    );
    assert_eq!(change(&bench, 4711, CANCEL).await, Operated::Unknown);
    assert_eq!(change_step(&bench, 4711, StepChange::Cancel).await, Operated::Unknown);
    assert_eq!(change(&bench, task_id, CANCEL).await, done("complete", "cancelled"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let ledger = bench.tasker().ledger().clone();
    let answer = ledger.change_tasks(&[task_id], CANCEL, Operator { dry_run: true, ..by(&bench) }).await.unwrap();
    assert_eq!(answer, [(task_id, done("pending", "cancelled"))]);
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
}

/// A cancelled step whose handler runs is told to stop, and its late result changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_claim_of_a_cancelled_step_is_void() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench).await;
    let ledger = bench.tasker().ledger().clone();
    let a = step_id(&bench, task_id, "a").await;
    let worker = ledger.start_worker(&crate::support::worker("w", std::time::Duration::from_secs(9))).await.unwrap();
    let call = tasker_postgres::ledger::Exchange {
        want: 1,
        task: Some(task_id),
        ..tasker_postgres::ledger::Exchange::new(worker, "w")
    };
    let claim = ledger.exchange(&call).await.unwrap().claims.remove(0);
    assert_eq!(claim.step_id, a);
    assert_eq!(change(&bench, task_id, CANCEL).await, done("in_progress", "cancelled"));
    let beat = ledger.heartbeat(worker, &[(a, claim.token)]).await.unwrap();
    assert!(beat.alive);
    assert_eq!(beat.voided, [(a, claim.token)]);
    let outcomes = [tasker_postgres::ledger::Settled {
        step_id: a,
        token: claim.token,
        settlement: tasker_postgres::ledger::Settlement::Success {
            results: RawValue::from_string("{}".to_owned()).unwrap(),
        },
    }];
    let reply = ledger
        .exchange(&tasker_postgres::ledger::Exchange {
            outcomes: &outcomes,
            ..tasker_postgres::ledger::Exchange::new(worker, "w")
        })
        .await
        .unwrap();
    assert_eq!(reply.refused, [a]);
    let attempts: i32 = sqlx::query_scalar("select attempts from tasker_workflow_steps where workflow_step_id = $1")
        .bind(a)
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(attempts, 1, "the attempt that was cut short counts");
    bench.assert_side_tables_empty().await;
}
