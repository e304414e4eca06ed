//! A database for reads beside the one that is written to, and the side tables of the engine.

use serde_json::json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{step, task};

async fn count(table: &str, pool: &tasker_postgres::PgPool) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn reads_go_to_one_database_and_writes_to_the_other() {
    let (first, second) = (TestDatabase::with_schema().await, TestDatabase::with_schema().await);
    let databases = Databases::new(first.pool().clone(), second.pool().clone());
    let both = &databases;
    // The copy that is read has a task of its own, which tells the two apart.
    let mut copy = task(second.pool()).await;
    copy.update(second.pool(), |task| task.reason = Some("the copy's".into())).await.unwrap();
    let request = TaskRequest::named("order", json!({"order": 1}));
    let (written, created) = Task::find_or_create_from_request(request, both).await.unwrap();
    assert!(created);
    assert_eq!((count("tasker_tasks", first.pool()).await, count("tasker_tasks", second.pool()).await), (1, 1));
    assert_eq!(written.task_id, copy.task_id, "both have a task 1");
    assert_eq!(Task::find(written.task_id, both).await.unwrap().reason.as_deref(), Some("the copy's"));
    assert_eq!(Task::scope().pluck(Task::REASON, both).await.unwrap(), [Some("the copy's".to_owned())]);
    assert!(Task::scope().filter(Task::REASON.eq("the copy's")).exists(both).await.unwrap());
    let streamed: Vec<_> = futures_util::StreamExt::collect(Task::scope().stream(both)).await;
    assert_eq!(streamed.len(), 1);
    copy.reload(both).await.unwrap();
    assert_eq!(copy.reason.as_deref(), Some("unknown"), "reload shows what was written");

    copy.update(both, |task| task.reason = Some("new".into())).await.unwrap();
    let one = NamedStep::find_or_create("crm", "one", both).await.unwrap();
    let two = NamedStep::find_or_create("crm", "two", both).await.unwrap();
    let one = WorkflowStep::create(NewWorkflowStep::of(&written, &one), both).await.unwrap();
    let two = WorkflowStep::create(NewWorkflowStep::of(&written, &two), both).await.unwrap();
    one.add_provides_edge(&two, both).await.unwrap();
    // The guard looks where it writes: the parent is not known to the copy at all.
    assert!(!two.safe_transition_to(StepState::InProgress, (), both).await.unwrap());
    one.transition_to(StepState::ResolvedManually, (), both).await.unwrap();
    assert!(two.safe_transition_to(StepState::InProgress, (), both).await.unwrap());
    assert_eq!(two.state(both).await.unwrap(), StepState::Pending, "the copy lags behind");
    assert_eq!(two.state(first.pool()).await.unwrap(), StepState::InProgress);
    assert_eq!(two.readiness(both).await.unwrap().row, None);
    assert!(two.parents(both).await.unwrap().is_empty());
    assert_eq!(count("tasker_workflow_steps", second.pool()).await, 0);
    assert_eq!(copy.diagram(None, both).await.unwrap().flowchart.nodes.len(), 1);
    written.delete(both).await.unwrap();
    assert_eq!((count("tasker_tasks", first.pool()).await, count("tasker_tasks", second.pool()).await), (0, 1));
}

#[tokio::test]
async fn a_copy_that_may_only_be_read_is_enough() {
    let (first, second) = (TestDatabase::with_schema().await, TestDatabase::with_schema().await);
    let options = second.options().options([("default_transaction_read_only", "on")]);
    let copy = sqlx::postgres::PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    let forbidden = task_of(&Databases::new(copy.clone(), copy.clone())).await.unwrap_err();
    assert!(matches!(&forbidden, ModelError::Forbidden(_)), "{forbidden:?}");
    let both = Databases::new(first.pool().clone(), copy);
    let task = task_of(&both).await.unwrap();
    task.transition_to(TaskState::Error, (), &both).await.unwrap();
    assert_eq!(Task::scope().count(&both).await.unwrap(), 0);
}

async fn task_of(both: &Databases) -> Result<Task, ModelError> {
    Task::create_from_request(TaskRequest::named("order", json!({"order": 2})), both).await
}

#[tokio::test]
async fn a_deleted_task_leaves_the_side_tables() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (doomed, kept) = (task(pool).await, task(pool).await);
    for task in [&doomed, &kept] {
        let (one, two) = (step(task, "one", pool).await, step(task, "two", pool).await);
        sqlx::query(
            "INSERT INTO tasker_engine.task (task_id, definition_id, remaining, alive, last_at) VALUES ($1, 1, 2, 2, now())",
        )
        .bind(task.task_id)
        .execute(pool)
        .await
        .unwrap();
        sqlx::query(
            "WITH queued AS (
               INSERT INTO tasker_engine.queue (step_id, task_id, ix, lane, priority, unmet, rank, attempts_allowed)
               SELECT step_id, $1, 0, 1, 0, 0, now(), 3 FROM unnest($2::bigint[]) AS step_id RETURNING lane, rank, step_id
             ), line AS (
               INSERT INTO tasker_engine.ready SELECT * FROM queued WHERE step_id = ($2::bigint[])[1]
             )
             INSERT INTO tasker_engine.later SELECT * FROM queued WHERE step_id = ($2::bigint[])[2]",
        )
        .bind(task.task_id)
        .bind([one.workflow_step_id, two.workflow_step_id].as_slice())
        .execute(pool)
        .await
        .unwrap();
    }
    let counts = async || {
        let mut counts = Vec::new();
        for table in ["task", "queue", "ready", "later"] {
            counts.push(count(&format!("tasker_engine.{table}"), pool).await);
        }
        counts
    };
    assert_eq!(counts().await, [2, 4, 2, 2]);
    let mut transaction = pool.begin().await.unwrap();
    doomed.clone().delete(&mut transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(counts().await, [2, 4, 2, 2]);
    doomed.delete(pool).await.unwrap();
    assert_eq!(counts().await, [1, 2, 1, 1]);
    // A database of Rails alone has no such tables.
    sqlx::query("DROP SCHEMA tasker_engine CASCADE").execute(pool).await.unwrap();
    kept.delete(pool).await.unwrap();
    assert_eq!(Task::scope().count(pool).await.unwrap(), 0);
}
