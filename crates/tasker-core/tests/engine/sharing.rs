//! Sharing tables with Rails: steps that others change, locks that others hold (R-33).

use std::sync::Arc;

use serde_json::json;
use tasker_core::{Handlers, Request, StepContext, Tasker, Work};
use tasker_domain::json::Json;
use tasker_domain::why;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::foreign::{LONG, Running, foreign_move, renamed, task_state, tasker, until};
use crate::support::{Bench, Script, diamond, template};

/// Steps that stand in the line, wait for parents or run here are moved by another program: nothing runs twice, nothing
/// is overwritten, the task goes on.
#[tokio::test]
async fn steps_that_others_move_underneath_are_noticed() {
    let bench = Bench::new(Script::default()).await;
    let template = template(
        "",
        &[
            ("a", ""),
            ("in_line", ""),
            ("resolved", "depends_on_step: a"),
            ("after", "depends_on_steps: [in_line, resolved]"),
            ("called_off", "depends_on_step: after"),
        ],
    );
    let (running, go_on) = (Arc::new(Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
    let handler = {
        let (script, running, go_on) = (bench.script.clone(), running.clone(), go_on.clone());
        tasker_core::handler_fn(move |step: StepContext| {
            let (script, running, go_on) = (script.clone(), running.clone(), go_on.clone());
            async move {
                if step.step_name() == "a" {
                    running.notify_one();
                    go_on.acquire().await.unwrap().forget();
                }
                tasker_core::StepHandler::process(&script, step).await
            }
        })
    };
    // one step at a time, so that the other root stays in the line
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap().with_concurrency(1);
    let task_id = tasker.submit(&template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let steps: Vec<i64> = sqlx::query_scalar(
        "select workflow_step_id from tasker_workflow_steps where task_id = $1 order by workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let mut worker = Running::start(tasker, &[]);
    tokio::time::timeout(LONG, running.notified()).await.expect("a runs");
    let mut rails = bench.pool().begin().await.unwrap();
    for (step, moves) in [
        (steps[1], &["in_progress", "complete"] as &[&str]),
        (steps[2], &["resolved_manually"]),
        (steps[4], &["cancelled"]),
        // even the one that runs here
        (steps[0], &["complete"]),
    ] {
        for to in moves {
            foreign_move(&mut rails, step, to).await;
        }
    }
    rails.commit().await.unwrap();
    go_on.add_permits(1);
    assert_eq!(worker.next_end().await, task_id);
    let names: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "after"]);
    assert_eq!(task_state(bench.pool(), task_id).await, "error", "a cancelled step holds it (R-16)");
    let results: Vec<serde_json::Value> =
        sqlx::query_scalar("select results from tasker_workflow_steps where task_id = $1 order by workflow_step_id")
            .bind(task_id)
            .fetch_all(bench.pool())
            .await
            .unwrap();
    assert_eq!(results[0], json!({ "by": "rails" }), "what was written first stays (R-30)");
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

/// A Rails process dies between the end of the last step and that of the task: the task is ended here.
#[tokio::test]
async fn a_task_whose_last_step_others_ended_comes_to_its_end() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let template = template("", &[("a", "queue: nobody_serves"), ("b", "depends_on_step: a, queue: nobody_serves")]);
    let task_id = tasker.submit(&template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let mut connection = bench.pool().acquire().await.unwrap();
    let steps: Vec<i64> = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps order by 1")
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let worker = tokio::spawn({
        let (tasker, stop) = (tasker.clone(), stop.clone());
        async move { tasker.work(Work::new().in_queues(["other"]).drained_by(stop)).await.unwrap() }
    });
    for step in steps {
        foreign_move(&mut connection, step, "in_progress").await;
        foreign_move(&mut connection, step, "complete").await;
    }
    until(bench.pool(), "select bool_and(complete) from tasker_tasks").await;
    assert_eq!(task_state(bench.pool(), task_id).await, "complete");
    stop.cancel();
    assert_eq!(worker.await.unwrap().executions, 0);
    bench.assert_side_tables_empty().await;
}

/// Who holds rows of a task for long delays that task and no other (R-33).
#[tokio::test]
async fn locks_that_others_hold_for_long_delay_only_their_own_tasks() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let diamond = diamond("");
    let (began, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (began.clone(), held.clone());
    let handler = tasker_core::handler_fn(move |step: StepContext| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            let context: serde_json::Value = step.context()?;
            if context["held"] == json!(true) && step.step_name() == "a" {
                tell.notify_one();
                wait.notified().await;
            }
            Ok::<_, tasker_core::StepError>(tasker_core::Output::from(json!({})))
        }
    });
    let tasker = Tasker::new(tasker.ledger().pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let held_task =
        tasker.submit(&diamond, Request::new(Json::parse(r#"{"held": true}"#).unwrap())).await.unwrap().task_id;
    let mut worker = Running::start(tasker.clone(), &[]);
    tokio::time::timeout(LONG, began.notified()).await.expect("a runs");
    let mut rails = bench.pool().begin().await.unwrap();
    for sql in [
        "select from tasker_workflow_steps where task_id = $1 for update",
        "select from tasker_tasks where task_id = $1 for update",
    ] {
        sqlx::query(sql).bind(held_task).execute(&mut *rails).await.unwrap();
    }
    held.notify_one();
    let others = (0..40).map(|_| Request::new(Json::parse("{}").unwrap())).collect();
    let mut others: Vec<i64> =
        tasker.submit_all(&diamond, others).await.unwrap().into_iter().map(|task| task.task_id).collect();
    while !others.is_empty() {
        let ended = worker.next_end().await;
        assert_ne!(ended, held_task, "its rows are still held");
        others.retain(|task_id| *task_id != ended);
    }
    assert_eq!(task_state(bench.pool(), held_task).await, "in_progress");
    rails.rollback().await.unwrap();
    assert_eq!(worker.next_end().await, held_task);
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

/// A step that somebody added, and one that somebody moved: the task does not fit its definition any more. It is set aside;
/// no worker stumbles over it, and when it fits again it goes on.
#[tokio::test]
async fn a_task_that_somebody_made_unfit_is_set_aside_and_harms_nobody() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let task_id = tasker.submit(&diamond(""), Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let mut connection = bench.pool().acquire().await.unwrap();
    let first: i64 = sqlx::query_scalar("select min(workflow_step_id) from tasker_workflow_steps")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    foreign_move(&mut connection, first, "pending").await;
    for sql in [
        "insert into tasker_named_steps (dependent_system_id, name, created_at, updated_at) select min(dependent_system_id), 'added', now(), now() from tasker_dependent_systems",
        "insert into tasker_workflow_steps (task_id, named_step_id, results, created_at, updated_at) select $1, max(named_step_id), '{}', now(), now() from tasker_named_steps where $1 > 0",
    ] {
        let query = sqlx::query(sql);
        let query = if sql.contains("$1") { query.bind(task_id) } else { query };
        query.execute(&mut *connection).await.unwrap();
    }
    let mut worker = Running::start(tasker.clone(), &[]);
    until(bench.pool(), "select count(*) = 0 from tasker_engine.queue").await;
    let other = tasker.submit(&renamed(&diamond(""), "other"), Request::new(Json::parse("{}").unwrap())).await.unwrap();
    assert_eq!(worker.next_end().await, other.task_id, "the worker goes on");
    let facts = tasker.ledger().why_facts(task_id).await.unwrap().unwrap();
    let codes: Vec<&str> = facts.steps.iter().map(|step| why::reason(&facts.task, &step.2).code()).collect();
    assert!(codes.contains(&"side_rows_differ"), "{codes:?}");
    sqlx::query("delete from tasker_workflow_steps where workflow_step_id = (select max(workflow_step_id) from tasker_workflow_steps where task_id = $1)")
        .bind(task_id)
        .execute(&mut *connection)
        .await
        .unwrap();
    tasker.ledger().rebuild_tasks(&[task_id]).await.unwrap();
    assert_eq!(worker.next_end().await, task_id);
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

/// An edge that leads from one task's step to another's: the step is claimed like one that nobody unlocked.
#[tokio::test]
async fn an_edge_between_two_tasks_is_followed() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let only = |name: &str| renamed(&template("", &[("only", "")]), name);
    let request = || Request::new(Json::parse(r#"{"mine": true}"#).unwrap());
    let first = tasker.submit(&only("first"), request()).await.unwrap().task_id;
    let second = tasker.submit(&only("second"), request()).await.unwrap().task_id;
    sqlx::query(
        "insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
         select a.workflow_step_id, b.workflow_step_id, 'provides', now(), now()
         from tasker_workflow_steps a, tasker_workflow_steps b where a.task_id = $1 and b.task_id = $2",
    )
    .bind(first)
    .bind(second)
    .execute(bench.pool())
    .await
    .unwrap();
    tasker.ledger().rebuild_tasks(&[first, second]).await.unwrap();
    let mut worker = Running::start(tasker, &[]);
    assert_eq!(worker.next_end().await, first);
    assert_eq!(worker.next_end().await, second);
    worker.stop().await;
    assert_eq!(bench.script.ran().len(), 2);
    bench.assert_side_tables_empty().await;
}

/// Rows that no rebuild mends stop their own task; it goes on once they are mended and it is rebuilt.
#[tokio::test]
async fn a_task_that_no_rebuild_mends_is_set_aside() {
    use tasker_core::postgres::maintenance::{Reindex, reindex};

    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let only = |name: &str| renamed(&template("", &[("only", "")]), name);
    let request = || Request::new(Json::parse("{}").unwrap());
    let broken = tasker.submit(&only("broken"), request()).await.unwrap().task_id;
    // It stands where the end of the step's first attempt belongs.
    let row = "insert into tasker_workflow_step_transitions (to_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
        select 'in_progress', 20, false, workflow_step_id, now(), now() from tasker_workflow_steps where task_id = $1";
    sqlx::query(row).bind(broken).execute(bench.pool()).await.unwrap();
    let mut worker = Running::start(tasker.clone(), &[]);
    until(bench.pool(), "select count(*) = 0 from tasker_engine.queue").await;
    let seen = async {
        loop {
            let facts = tasker.ledger().why_facts(broken).await.unwrap().unwrap();
            // Each round of a worker tries it again, for a moment.
            if why::reason(&facts.task, &facts.steps[0].2).code() == "side_rows_differ" {
                break;
            }
        }
    };
    tokio::time::timeout(LONG, seen).await.expect("it is told why");
    let other = tasker.submit(&only("other"), request()).await.unwrap().task_id;
    assert_eq!(worker.next_end().await, other, "the worker goes on");
    sqlx::query("delete from tasker_workflow_step_transitions where sort_key = 20 and not most_recent")
        .execute(bench.pool())
        .await
        .unwrap();
    reindex(bench.pool(), Reindex::default(), |_| {}).await.unwrap();
    until(bench.pool(), "select count(*) = 1 from tasker_engine.later").await;
    bench.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(worker.next_end().await, broken);
    worker.stop().await;
    assert_eq!(task_state(bench.pool(), broken).await, "complete");
    bench.assert_side_tables_empty().await;
}

/// Numbers and instants after which there are no others: no row can follow them, and nothing can be reckoned with them.
#[tokio::test]
async fn a_history_that_nothing_can_follow_stops_its_own_task_only() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let mut connection = bench.pool().acquire().await.unwrap();
    for (state, change) in [
        ("pending", "update tasker_workflow_step_transitions set sort_key = 2147483647 where workflow_step_id = $1"),
        (
            "error",
            "update tasker_workflow_step_transitions set created_at = '294276-12-31 23:59:59' where workflow_step_id = $1",
        ),
        ("pending", "with n as (select $1::bigint) update tasker_task_transitions set sort_key = 2147483647"),
    ] {
        let task_id =
            tasker.submit(&template("", &[("a", "")]), Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
        let step: i64 = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps where task_id = $1")
            .bind(task_id)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        if change.contains("task_transitions") {
            sqlx::query("insert into tasker_task_transitions (to_state, sort_key, most_recent, task_id, created_at, updated_at) values ('pending', 0, true, $1, now(), now())")
                .bind(task_id)
                .execute(&mut *connection)
                .await
                .unwrap();
        } else {
            foreign_move(&mut connection, step, "in_progress").await;
            foreign_move(&mut connection, step, "error").await;
            if state == "pending" {
                foreign_move(&mut connection, step, state).await;
            }
        }
        let change = change.replace("workflow_step_id = $1", "workflow_step_id = $1 and most_recent");
        sqlx::query(sqlx::AssertSqlSafe(change)).bind(step).execute(&mut *connection).await.unwrap();
    }
    let mut worker = Running::start(tasker.clone(), &[]);
    until(bench.pool(), "select count(*) = 0 from tasker_engine.queue").await;
    let other = tasker.submit(&renamed(&diamond(""), "other"), Request::new(Json::parse("{}").unwrap())).await.unwrap();
    assert_eq!(worker.next_end().await, other.task_id, "the worker goes on");
    worker.stop().await;
    assert_eq!(bench.script.ran().len(), 4, "nothing of the others ran");
}

/// A task whose rows nobody can reckon with does not keep others from being written anew, or from being told of.
#[tokio::test]
async fn a_task_that_cannot_be_reckoned_with_keeps_no_other_from_being_looked_after() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let mut tasks = Vec::new();
    for name in ["first", "second"] {
        let request = Request::new(Json::parse("{}").unwrap());
        tasks.push(tasker.submit(&renamed(&template("", &[("a", "")]), name), request).await.unwrap().task_id);
    }
    let mut connection = bench.pool().acquire().await.unwrap();
    for (place, to) in [(0, "error"), (1, "resolved_manually")] {
        let step: i64 = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps where task_id = $1")
            .bind(tasks[place])
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        foreign_move(&mut connection, step, "in_progress").await;
        foreign_move(&mut connection, step, to).await;
    }
    for change in [
        "update tasker_workflow_step_transitions set created_at = '294276-12-31 23:59:59' where to_state = 'error'",
        "update tasker_tasks set created_at = 'infinity' where task_id = (select min(task_id) from tasker_tasks)",
        "update tasker_workflow_steps set processed_at = '-infinity' where task_id = (select max(task_id) from tasker_tasks)",
    ] {
        assert!(sqlx::query(change).execute(&mut *connection).await.unwrap().rows_affected() > 0, "{change}");
    }
    assert_eq!(tasker.ledger().reconcile(&tasks, "caretaker", None).await.unwrap(), tasks[..1]);
    let queued: Vec<i64> =
        sqlx::query_scalar("select task_id from tasker_engine.queue").fetch_all(bench.pool()).await.unwrap();
    assert_eq!(queued, tasks[..1], "the second was written anew");
    let told = tasker.ledger().told_tasks(&tasks, 1 << 10).await.unwrap();
    let years: Vec<_> = told.iter().map(|task| task.created_at.format("%Y").to_string()).collect();
    assert_eq!(years[0], "9999");
    assert_ne!(years[1], "9999");
    assert_eq!(told[0].last_end, None);
    assert_eq!(told[1].last_end.unwrap().format("%Y").to_string(), "0001");
}
