//! A step that is not done within its deadline, over all attempts and waits, is dead.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tasker_core::clock::Clock;
use tasker_core::ops;
use tasker_core::{Ending, Handled, Handlers, Request, StepContext, StepError, Tasker};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_domain::state::TaskState;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Exchange, ExpiredStep, LedgerError, Operated, Operator, TaskChange};
use tasker_testing::invariants::broken_promises;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::foreign::{LONG, Running, task_state};
use crate::support::{Bench, Script, template, worker};

const IN_ERROR: Handled = Handled::AtRest { state: TaskState::Error };

async fn submitted(bench: &Bench, template: &Template) -> i64 {
    bench.tasker().submit(template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id
}

async fn handle(bench: &Bench, task_id: i64) -> Handled {
    bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap()
}

/// Names of the steps whose deadline has passed by the manual clock; they are dead now.
async fn expired(bench: &Bench) -> Vec<String> {
    let expired = bench.tasker().ledger().expire_steps(100, bench.clock.record_time()).await.unwrap();
    let mut names = Vec::new();
    for ExpiredStep { step_id, from, .. } in expired.steps {
        let name: String = sqlx::query_scalar(
            "select name::text from tasker_workflow_steps join tasker_named_steps using (named_step_id) where workflow_step_id = $1",
        )
        .bind(step_id)
        .fetch_one(bench.pool())
        .await
        .unwrap();
        names.push(format!("{name} ({from})"));
    }
    names
}

/// The moves, attempts, error and whether it may be tried again, of each step that has failed.
async fn failed(bench: &Bench, task_id: i64) -> Vec<(String, i32, Option<String>, bool)> {
    sqlx::query_as(
        "select n.name || ' ' || string_agg(t.from_state || '>' || t.to_state, ' ' order by t.sort_key), s.attempts, s.results->>'error', s.retryable
         from tasker_workflow_steps s join tasker_named_steps n using (named_step_id) join tasker_workflow_step_transitions t using (workflow_step_id)
         where s.task_id = $1 group by s.workflow_step_id, n.name having bool_or(t.to_state = 'error' and t.most_recent) order by s.workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap()
}

async fn codes(bench: &Bench, task_id: i64) -> Vec<(String, &'static str)> {
    let why = ops::why(bench.tasker().ledger(), task_id).await.unwrap().unwrap();
    why.steps.into_iter().map(|step| (step.step, step.reason.code())).collect()
}

fn after(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn attempts_and_waits_together_must_not_take_longer() {
    let bench = Bench::new(Script::default().on("only", |step: &StepContext| match step.attempt() {
        1 | 2 => Err(StepError::failure("out of paper")),
        _ => Ok(json!({})),
    }))
    .await;
    let template = template("jitter: false", &[("only", "default_retry_limit: 9, deadline_seconds: 5")]);
    let task_id = submitted(&bench, &template).await;
    for wait in [2, 4] {
        assert!(
            matches!(handle(&bench, task_id).await, Handled::Again { after, .. } if after == Duration::from_secs(wait))
        );
        assert_eq!(expired(&bench).await, Vec::<String>::new());
        bench.clock.advance(after(wait));
    }
    let why = ops::why(bench.tasker().ledger(), task_id).await.unwrap().unwrap();
    let until = bench.clock.wall_time() - chrono::TimeDelta::seconds(1);
    assert_eq!(why.steps[0].deadline, Some(until), "five seconds after the first moment");
    assert_eq!(handle(&bench, task_id).await, IN_ERROR, "the third attempt would have begun after six seconds");
    assert_eq!(
        failed(&bench, task_id).await,
        [(
            "only pending>in_progress in_progress>error error>pending pending>in_progress in_progress>error error>pending pending>error".to_owned(),
            2,
            Some("the step was not done within its deadline of 5 s".to_owned()),
            false
        )]
    );
    assert_eq!(codes(&bench, task_id).await, [("only".to_owned(), "dead_deadline")]);
    let rows: Vec<Value> = sqlx::query_scalar(
        "select metadata from tasker_workflow_step_transitions where most_recent union all select metadata from tasker_task_transitions where most_recent",
    )
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let cause = json!({"actor": "tasker", "reason": "deadline", "operation": "deadline"});
    assert_eq!(rows[0], cause);
    assert_eq!(rows[1]["held_by"], json!(["only"]));
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
    bench.assert_side_tables_empty().await;
    // Who sends it on again by hand gives it its deadline again.
    let by = Operator { actor: "ada", reason: "paper is back", now: bench.clock.record_time(), dry_run: false };
    let retry = TaskChange::Operation(TaskOperation::Retry);
    let retried = bench.tasker().ledger().change_tasks(&[task_id], retry, by).await.unwrap();
    assert!(matches!(retried[0].1, Operated::Done { .. }));
    bench.clock.advance(after(4));
    assert_eq!(expired(&bench).await, Vec::<String>::new());
    assert_eq!(handle(&bench, task_id).await, Handled::AtRest { state: TaskState::Complete });
}

#[tokio::test]
async fn a_step_that_nobody_takes_dies_and_the_others_go_on() {
    let bench = Bench::new(Script::default()).await;
    let steps = [("a", ""), ("b", "deadline_seconds: 5"), ("c", "depends_on_steps: [a, b], deadline_seconds: 1")];
    let task_id = submitted(&bench, &template("", &steps)).await;
    bench.clock.advance(Duration::from_millis(4999));
    assert_eq!(expired(&bench).await, Vec::<String>::new(), "c waits for others: its time has not begun");
    bench.clock.advance(Duration::from_millis(2));
    assert_eq!(expired(&bench).await, ["b (pending)"]);
    assert_eq!(expired(&bench).await, Vec::<String>::new(), "only once");
    assert_eq!(handle(&bench, task_id).await, IN_ERROR);
    assert_eq!(bench.script.ran(), [("a".to_owned(), 1)]);
    let dead =
        ("b pending>error".to_owned(), 0, Some("the step was not done within its deadline of 5 s".to_owned()), false);
    assert_eq!(failed(&bench, task_id).await, [dead]);
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
    bench.clock.advance(after(100));
    assert_eq!(expired(&bench).await, Vec::<String>::new());
    let left: i64 =
        sqlx::query_scalar("select count(*) from tasker_engine.step_deadline").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(left, 0, "rows of steps that have ended leave");
}

/// Most looks find nothing to end: the parents of a step are open, or it has ended well.
#[tokio::test]
async fn hundreds_that_are_put_off_keep_nobody_from_being_found() {
    let bench = Bench::new(Script::default()).await;
    let steps = [("a", ""), ("b", "depends_on_step: a, deadline_seconds: 1"), ("c", "deadline_seconds: 2")];
    let requests = (0..110).map(|_| Request::new(Json::parse("{}").unwrap())).collect();
    let created = bench.tasker().submit_all(&template("", &steps), requests).await.unwrap();
    bench.clock.advance(after(3));
    assert_eq!(handle(&bench, created[109].task_id).await, IN_ERROR);
    assert_eq!(bench.script.ran(), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
}

#[tokio::test]
async fn the_time_of_a_step_begins_when_its_parents_have_ended() {
    let bench =
        Bench::new(Script::default().on("b", |_| Err(StepError::failure("out of paper").retry_after(after(30))))).await;
    let steps = [("a", ""), ("b", "depends_on_step: a, default_retry_limit: 50, deadline_seconds: 10")];
    let template = template("jitter: false", &steps);
    let task_id = submitted(&bench, &template).await;
    bench.clock.advance(after(1000));
    assert_eq!(expired(&bench).await, Vec::<String>::new());
    assert!(matches!(handle(&bench, task_id).await, Handled::Again { .. }));
    bench.clock.advance(after(9));
    assert_eq!(expired(&bench).await, Vec::<String>::new());
    // The same by rows that were made anew from the record.
    sqlx::query("delete from tasker_engine.step_deadline").execute(bench.pool()).await.unwrap();
    bench.tasker().ledger().rebuild_tasks(&[task_id]).await.unwrap();
    assert_eq!(expired(&bench).await, Vec::<String>::new());
    bench.clock.advance(after(2));
    assert_eq!(expired(&bench).await, ["b (error)"]);
    assert_eq!(task_state(bench.pool(), task_id).await, "error");
    let started =
        Request::new(Json::parse("{}").unwrap()).not_before(bench.clock.wall_time() + chrono::TimeDelta::seconds(60));
    let first = crate::foreign::renamed(&crate::support::template("", &[("first", "deadline_seconds: 10")]), "first");
    bench.tasker().submit(&first, started).await.unwrap();
    bench.clock.advance(after(65));
    assert_eq!(expired(&bench).await, Vec::<String>::new(), "the time of a delayed start does not count");
    bench.clock.advance(after(6));
    assert_eq!(expired(&bench).await, ["first (pending)"]);
}

#[tokio::test]
async fn an_outcome_that_comes_too_late_is_refused_and_fail_fast_holds() {
    let bench = Bench::new(Script::default()).await;
    let steps = [("a", "deadline_seconds: 5"), ("b", "")];
    let task_id = submitted(&bench, &template("fail_fast: true", &steps)).await;
    let ledger = bench.tasker().ledger().clone();
    let worker_id = ledger.start_worker(&worker("slow", after(60))).await.unwrap();
    let call =
        Exchange { task: Some(task_id), want: 1, now: bench.clock.record_time(), ..Exchange::new(worker_id, "slow") };
    let claimed = ledger.exchange(&Exchange { call: 1, ..call.clone() }).await.unwrap().claims.remove(0);
    bench.clock.advance(after(6));
    assert_eq!(expired(&bench).await, ["a (in_progress)"]);
    assert_eq!(task_state(bench.pool(), task_id).await, "error", "fail_fast: b is not begun");
    let results = serde_json::value::RawValue::from_string("{}".to_owned()).unwrap();
    let late = [tasker_postgres::ledger::Settled {
        step_id: claimed.step_id,
        token: claimed.token,
        settlement: tasker_postgres::ledger::Settlement::Success { results },
    }];
    let reply =
        ledger.exchange(&Exchange { call: 2, outcomes: &late, now: bench.clock.record_time(), ..call }).await.unwrap();
    assert_eq!(reply.refused, [claimed.step_id]);
    let dead = (
        "a pending>in_progress in_progress>error".to_owned(),
        1,
        Some("the step was not done within its deadline of 5 s".to_owned()),
        false,
    );
    assert_eq!(failed(&bench, task_id).await, [dead]);
    assert_eq!(broken_promises(bench.pool()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_worker_ends_what_runs_too_long_and_tells_its_handler() {
    let bench = Bench::new(Script::default()).await;
    let stopped = Arc::new(Notify::new());
    let told = stopped.clone();
    let handler = tasker_core::handler_fn(move |step: StepContext| {
        let told = told.clone();
        async move {
            step.cancelled().cancelled().await;
            told.notify_one();
            Ok::<_, StepError>(tasker_core::Output::from(json!({"too": "late"})))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    // Long enough to be claimed on a busy machine: a step that nobody took in time has no handler to tell.
    let short = template("", &[("only", "deadline_seconds: 2")]);
    let running = Running::start(tasker.clone(), &[]);
    let task_id = tasker.submit(&short, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    tokio::time::timeout(LONG, stopped.notified()).await.expect("the handler is told to stop");
    running.stop().await;
    assert_eq!(task_state(bench.pool(), task_id).await, "error");
    let dead = &failed(&bench, task_id).await[0];
    assert_eq!((dead.1, dead.2.as_deref()), (1, Some("the step was not done within its deadline of 2 s")));
}

#[tokio::test]
async fn who_works_a_single_task_heeds_its_deadlines() {
    let bench = Bench::new(Script::default()).await;
    let handler = tasker_core::handler_fn(|_: StepContext| async {
        Err::<tasker_core::Output, _>(StepError::failure("again and again").retry_after(after(200)))
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let short = template("", &[("only", "default_retry_limit: 9, deadline_seconds: 0.3")]);
    let report =
        tokio::time::timeout(LONG, tasker.run(&short, Json::parse("{}").unwrap())).await.expect("it ends").unwrap();
    assert_eq!(report.ending, Ending::Error);
    assert_eq!(report.record.steps[0].transitions, ["in_progress", "error", "pending", "error"]);
}

/// Whoever holds a task, and whatever somebody wrote into one, keeps no other from its deadline.
#[tokio::test]
async fn what_cannot_be_ended_keeps_nobody_from_being_found() {
    let bench = Bench::new(Script::default()).await;
    let short = template("", &[("b", "deadline_seconds: 1"), ("c", "deadline_seconds: 2")]);
    let requests = (0..3).map(|_| Request::new(Json::parse("{}").unwrap())).collect();
    let made: Vec<i64> =
        bench.tasker().submit_all(&short, requests).await.unwrap().iter().map(|task| task.task_id).collect();
    let odd = "insert into tasker_workflow_step_transitions (to_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
        select 'lost', 9, true, min(workflow_step_id), now(), now() from tasker_workflow_steps where task_id = $1";
    sqlx::query(odd).bind(made[1]).execute(bench.pool()).await.unwrap();
    let mut holder = bench.pool().begin().await.unwrap();
    let hold = "select 1 from tasker_engine.task where task_id = $1 for update";
    sqlx::query(hold).bind(made[0]).execute(&mut *holder).await.unwrap();
    bench.clock.advance(after(3));
    let ledger = bench.tasker().ledger().clone();
    let look = async || {
        let expired = ledger.expire_steps(100, bench.clock.record_time()).await.unwrap();
        let passed_over: Vec<(i64, LedgerError)> =
            expired.passed_over.into_iter().map(|step| (step.task_id, step.error)).collect();
        (expired.steps.iter().map(|step| step.task_id).collect::<Vec<_>>(), passed_over)
    };
    let (died, passed_over) = look().await;
    assert_eq!(died, [made[1], made[2], made[2]]);
    assert!(
        matches!(&passed_over[..], [(first, LedgerError::Busy(busy)), (second, LedgerError::Inconsistent(_))]
            if *first == made[0] && busy[..] == [made[0]] && *second == made[1]),
        "{passed_over:?}"
    );
    assert!(matches!(look().await, (died, passed_over) if died.is_empty() && passed_over.is_empty()), "not at once");
    holder.rollback().await.unwrap();
    bench.clock.advance(after(11));
    let (died, passed_over) = look().await;
    assert_eq!(died, [made[0], made[0]]);
    assert!(matches!(&passed_over[..], [(task_id, LedgerError::Inconsistent(_))] if *task_id == made[1]));
}

/// Whoever looks at a dead step takes its row out, and in the same moment a person sends the step on again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_sent_on_while_its_row_is_taken_out_has_its_deadline_again() {
    let bench = Bench::new(Script::default()).await;
    let task_id = submitted(&bench, &template("", &[("b", "deadline_seconds: 5")])).await;
    bench.clock.advance(after(6));
    assert_eq!(expired(&bench).await, ["b (pending)"]);
    let mut look = bench.pool().begin().await.unwrap();
    sqlx::raw_sql("select 1 from tasker_engine.step_deadline for update").execute(&mut *look).await.unwrap();
    let (ledger, now) = (bench.tasker().ledger().clone(), bench.clock.record_time());
    let retry = tokio::spawn(async move {
        let by = Operator { actor: "ada", reason: "paper is back", now, dry_run: false };
        ledger.change_tasks(&[task_id], TaskChange::Operation(TaskOperation::Retry), by).await.unwrap()
    });
    let waiting =
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    while !retry.is_finished() && !sqlx::query_scalar::<_, bool>(waiting).fetch_one(bench.pool()).await.unwrap() {
        tokio::task::yield_now().await;
    }
    sqlx::raw_sql("delete from tasker_engine.step_deadline").execute(&mut *look).await.unwrap();
    look.commit().await.unwrap();
    assert!(matches!(retry.await.unwrap()[0].1, Operated::Done { .. }));
    bench.clock.advance(after(4));
    assert_eq!(expired(&bench).await, Vec::<String>::new());
    bench.clock.advance(after(2));
    assert_eq!(expired(&bench).await, ["b (pending)"]);
}

/// Another program ended the attempt for good, and nobody has looked at the task since.
#[tokio::test]
async fn steps_that_ended_unseen_keep_nobody_from_being_found() {
    let bench = Bench::new(Script::default()).await;
    let short = template("", &[("b", "deadline_seconds: 1")]);
    let requests = (0..4).map(|_| Request::new(Json::parse("{}").unwrap())).collect();
    let made: Vec<i64> =
        bench.tasker().submit_all(&short, requests).await.unwrap().iter().map(|task| task.task_id).collect();
    sqlx::raw_sql(
        "update tasker_workflow_steps set retryable = false where task_id < (select max(task_id) from tasker_tasks);
         insert into tasker_workflow_step_transitions (to_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         select 'error', 9, true, workflow_step_id, now(), now() from tasker_workflow_steps where not retryable;
         update tasker_engine.step_deadline set at = at + interval '1 millisecond'
         where step_id = (select max(workflow_step_id) from tasker_workflow_steps)",
    )
    .execute(bench.pool())
    .await
    .unwrap();
    bench.clock.advance(after(3));
    let look = async || bench.tasker().ledger().expire_steps(3, bench.clock.record_time()).await.unwrap();
    let first = look().await;
    assert!(first.steps.is_empty() && first.passed_over.is_empty() && first.more, "{first:?}");
    let second = look().await;
    assert_eq!(second.steps.iter().map(|step| step.task_id).collect::<Vec<_>>(), [made[3]]);
    assert!(!second.more);
}
