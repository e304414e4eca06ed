//! Sessions that are set up unlike ours, and transactions.

use serde_json::json;
use sqlx::Connection;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{minute, named_task, task};

#[tokio::test]
async fn time_zone_and_search_path_of_the_session_change_nothing() {
    let database = TestDatabase::with_schema().await;
    let usual = database.pool();
    sqlx::raw_sql(
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.tasker_tasks (task_id int);
         CREATE FUNCTION elsewhere.statement_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1999-01-01'::timestamptz $$",
    )
    .execute(usual)
    .await
    .unwrap();
    let options = database.options().options([("timezone", "Asia/Tokyo"), ("search_path", "elsewhere,pg_catalog")]);
    let mut strange = sqlx::PgConnection::connect_with(&options).await.unwrap();
    sqlx::query("SET TimeZone = 'Asia/Tokyo'").execute(&mut strange).await.unwrap();
    let there = named_task(usual).await;
    let new = NewTask { requested_at: Some(minute(0)), ..NewTask::of(&there, json!({"a": 1})) };
    let theirs = Task::create(new.clone(), &mut strange).await.unwrap();
    let ours = Task::create(new, usual).await.unwrap();
    let apart = (ours.created_at - theirs.created_at).num_seconds();
    assert!((0..60).contains(&apart), "{apart} s");
    assert_eq!(Task::find(theirs.task_id, usual).await.unwrap(), theirs);
    assert_eq!(theirs.requested_at, minute(0));
    let since = Task::scope().created_since(theirs.created_at).order(Task::TASK_ID.asc());
    assert_eq!(since.keys(&mut strange).await.unwrap(), since.keys(usual).await.unwrap());
    assert_eq!(since.keys(usual).await.unwrap(), [ours.task_id]);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_nothing() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let kept = task(pool).await;
    let mut transaction = pool.begin().await.unwrap();
    kept.clone().delete(&mut transaction).await.unwrap();
    assert_eq!(Task::scope().count(&mut transaction).await.unwrap(), 0);
    transaction.rollback().await.unwrap();
    assert_eq!(Task::scope().keys(pool).await.unwrap(), [kept.task_id]);
    // A refused deletion within a transaction leaves the transaction usable where it opened a savepoint.
    let mut transaction = pool.begin().await.unwrap();
    let system = DependentSystem::find_or_create("s", &mut transaction).await.unwrap();
    let step = NamedStep::find_or_create("s", "x", &mut transaction).await.unwrap();
    WorkflowStep::create(NewWorkflowStep::of(&kept, &step), &mut transaction).await.unwrap();
    assert!(matches!(system.delete(&mut transaction).await, Err(ModelError::RestrictedDelete { .. })));
    transaction.commit().await.unwrap();
    assert_eq!(WorkflowStep::scope().count(pool).await.unwrap(), 1);
}

#[tokio::test]
async fn operations_can_be_sent_to_other_threads() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = sendable(task(pool)).await;
    sendable(Task::scope().fetch_with_all_associated(pool)).await.unwrap();
    sendable(task.delete(pool)).await.unwrap();
}
