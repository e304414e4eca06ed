//! Tasks and steps that another program deletes from the record.

use tasker_core::Request;
use tasker_domain::json::Json;

use crate::foreign::{Running, task_state, tasker};
use crate::support::{Bench, Script, diamond, template};

fn empty() -> Request {
    Request::new(Json::parse("{}").unwrap())
}

async fn execute(bench: &Bench, sql: &'static str, task_id: i64) {
    assert!(sqlx::query(sql).bind(task_id).execute(bench.pool()).await.unwrap().rows_affected() > 0, "{sql}");
}

async fn delete_task(bench: &Bench, task_id: i64) {
    for sql in [
        "delete from tasker_workflow_step_edges where from_step_id in (select workflow_step_id from tasker_workflow_steps where task_id = $1)",
        "delete from tasker_workflow_steps where task_id = $1",
        "delete from tasker_tasks where task_id = $1",
    ] {
        execute(bench, sql, task_id).await;
    }
}

#[tokio::test]
async fn a_task_goes_on_without_the_step_that_was_deleted() {
    let bench = Bench::new(Script::default()).await;
    let steps = [("a", ""), ("b", "depends_on_step: a"), ("alone", ""), ("c", "depends_on_step: a")];
    let task_id = tasker(&bench).submit(&template("", &steps), empty()).await.unwrap().task_id;
    let alone = "delete from tasker_workflow_steps where workflow_step_id = (
        select s.workflow_step_id from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
        where s.task_id = $1 and n.name = 'alone')";
    execute(&bench, alone, task_id).await;
    let mut worker = Running::start(tasker(&bench), &[]);
    assert_eq!(worker.next_end().await, task_id);
    worker.stop().await;
    assert_eq!(task_state(bench.pool(), task_id).await, "complete");
    let mut ran: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
    ran.sort();
    assert_eq!(ran, ["a", "b", "c"]);
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn what_stands_for_a_deleted_task_is_forgotten() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let new_year = |year| chrono::NaiveDate::from_yo_opt(year, 1).unwrap().and_time(chrono::NaiveTime::MIN);
    let mut left = Vec::new();
    for (deadline, deleted) in [(2090, true), (2091, true), (2092, false)] {
        let task_id = tasker.submit(&diamond(""), empty().until(new_year(deadline))).await.unwrap().task_id;
        match deleted {
            true => delete_task(&bench, task_id).await,
            false => left.push(task_id),
        }
    }
    let now = Some(new_year(2093));
    assert!(tasker.ledger().passed_deadlines(2, now).await.unwrap().is_empty(), "those that were deleted leave");
    assert_eq!(tasker.ledger().passed_deadlines(2, now).await.unwrap(), left);
    let rows = "select (select count(*) from tasker_engine.task) + (select count(*) from tasker_engine.queue)
        + (select count(*) from tasker_engine.ready)";
    let rows = || async { sqlx::query_scalar::<_, i64>(rows).fetch_one(bench.pool()).await.unwrap() };
    assert_eq!(rows().await, 3 * (1 + 4 + 1));
    let first: i64 =
        sqlx::query_scalar("select min(task_id) from tasker_engine.task").fetch_one(bench.pool()).await.unwrap();
    // A task that never was is forgotten as well, and one that stands is rebuilt as it was.
    tasker.ledger().rebuild_tasks(&[first, first + 1, left[0], i64::MAX]).await.unwrap();
    assert_eq!(rows().await, 1 + 4 + 1);
}

/// As many steps stand in the record as before, but one of them is another.
#[tokio::test]
async fn a_step_that_was_deleted_and_made_anew_is_carried_out() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let task_id = tasker.submit(&template("", &[("a", ""), ("b", "")]), empty()).await.unwrap().task_id;
    let anew = "with old as (
        delete from tasker_workflow_steps where workflow_step_id = (
          select max(workflow_step_id) from tasker_workflow_steps where task_id = $1)
        returning task_id, named_step_id)
        insert into tasker_workflow_steps (task_id, named_step_id, results, created_at, updated_at)
        select task_id, named_step_id, '{}', now(), now() from old";
    execute(&bench, anew, task_id).await;
    let mut worker = Running::start(tasker, &[]);
    assert_eq!(worker.next_end().await, task_id);
    worker.stop().await;
    let mut ran: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
    ran.sort();
    assert_eq!(ran, ["a", "b"]);
    bench.assert_side_tables_empty().await;
}
