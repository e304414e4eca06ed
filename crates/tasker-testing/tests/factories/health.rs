//! Health counts on the original's standard set of workflows.

use sqlx::AssertSqlSafe;
use tasker_postgres::functions::SystemHealthCounts;
use tasker_testing::factories::{Factory, Progress, Situation, TaskMove, Workflow};
use tasker_testing::{TestDatabase, WorkflowShape};

use super::factory;

/// Two complete workflows, a pending one and a failed one, of six steps each; those that have not run have a line in
/// their history. The failed step may be tried again.
async fn standard_set(factory: &Factory) -> Workflow {
    for _ in 0..2 {
        factory.workflow(WorkflowShape::linear()).progress(Progress::Complete).create().await.unwrap();
    }
    let untouched = |moves: &[TaskMove]| {
        let mut workflow = factory.workflow(WorkflowShape::linear()).task_history(moves);
        for step in WorkflowShape::linear().steps {
            workflow = workflow.step(&step.name, Situation::Pending);
        }
        workflow
    };
    untouched(&[TaskMove::Initial]).create().await.unwrap();
    let failed = untouched(&TaskMove::FAILED).step("initialize_data", Situation::Failed);
    failed.create().await.unwrap()
}

async fn counts(database: &TestDatabase) -> SystemHealthCounts {
    SystemHealthCounts::read(database.pool()).await.unwrap()
}

#[tokio::test]
async fn the_standard_set_raises_the_counts_by_its_tasks_and_steps() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    factory.workflow(WorkflowShape::diamond()).progress(Progress::Exhausted).create().await.unwrap();
    let before = counts(&database).await;
    assert_eq!((before.total_tasks, before.error_tasks, before.exhausted_retry_steps), (1, 1, 2));
    let failed = standard_set(&factory).await;
    let after = counts(&database).await;
    let raised = |figure: fn(&SystemHealthCounts) -> i64| figure(&after) - figure(&before);
    assert_eq!(raised(|counts| counts.total_tasks), 4);
    assert_eq!(raised(|counts| counts.complete_tasks), 2);
    assert_eq!(raised(|counts| counts.pending_tasks), 1);
    assert_eq!(raised(|counts| counts.error_tasks), 1);
    assert_eq!(raised(|counts| counts.total_steps), 24);
    assert_eq!(raised(|counts| counts.complete_steps), 12);
    assert_eq!(raised(|counts| counts.pending_steps), 11);
    assert_eq!(raised(|counts| counts.error_steps), 1);
    assert_eq!(raised(|counts| counts.retryable_error_steps), 1);
    assert_eq!(raised(|counts| counts.in_backoff_steps), 1);
    assert_eq!(raised(|counts| counts.exhausted_retry_steps), 0);
    assert_eq!(counts(&database).await, after);

    let step = failed.step("initialize_data");
    assert_eq!((step.row.attempts, step.row.retry_limit, step.row.retryable), (Some(1), Some(3), true));
    let forget =
        format!("UPDATE tasker_workflow_steps SET last_attempted_at = NULL WHERE workflow_step_id = {}", step.id);
    sqlx::query(AssertSqlSafe(forget)).execute(database.pool()).await.unwrap();
    let forgotten = counts(&database).await;
    assert_eq!(forgotten.retryable_error_steps, after.retryable_error_steps);
    assert_eq!(forgotten.in_backoff_steps, after.in_backoff_steps - 1);
    database.drop().await;
}

/// The server itself ends what takes too long: a call a second, ten calls of the health counts two.
#[tokio::test]
async fn calls_about_small_data_take_no_time() {
    let database = TestDatabase::with_schema().await;
    let factory = factory(&database).await;
    let mut task_id = 0;
    for _ in 0..3 {
        task_id = standard_set(&factory).await.task.id;
    }
    let mut connection = database.pool().acquire().await.unwrap();
    for (limit, sql) in [
        ("1s", format!("SELECT * FROM get_step_readiness_status({task_id})")),
        ("1s", format!("SELECT * FROM get_task_execution_context({task_id})")),
        (
            "2s",
            "DO $$ BEGIN FOR number IN 1..10 LOOP PERFORM * FROM get_system_health_counts_v01(); END LOOP; END $$"
                .to_owned(),
        ),
    ] {
        let sql = format!("SET statement_timeout = '{limit}'; {sql}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    }
    drop(connection);
    database.drop().await;
}
