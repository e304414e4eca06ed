//! What the readiness function says of steps, and rows of functions as a way to rows of the record.

use tasker_domain::state::StepState::{self, *};
use tasker_postgres::functions::{DependencyLevels, StepReadiness, TaskExecutionContext};
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{Statements, dummy, moved, step, task};

fn names(steps: &[WorkflowStep], of: &[WorkflowStep]) -> Vec<usize> {
    let place = |step: &WorkflowStep| of.iter().position(|other| other.workflow_step_id == step.workflow_step_id);
    steps.iter().map(|step| place(step).unwrap() + 1).collect()
}

#[tokio::test]
async fn the_steps_that_can_run_follow_from_what_has_ended() {
    // B-MOD-078…080
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (_task, steps) = dummy(pool).await;
    let viable = async || names(&WorkflowStep::viable(&steps, pool).await.unwrap(), &steps);
    assert_eq!(viable().await, [1, 2]);
    for step in &steps[..2] {
        moved(step, &[InProgress, Complete], pool).await;
    }
    assert_eq!(viable().await, [3]);
    moved(&steps[2], &[InProgress, Complete], pool).await;
    assert_eq!(viable().await, [4]);
    assert!(WorkflowStep::viable(&[], pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn steps_that_run_ended_or_wait_are_not_viable() {
    // B-MOD-081…083
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (_task, steps) = dummy(pool).await;
    let viable = async || names(&WorkflowStep::viable(&steps, pool).await.unwrap(), &steps);
    moved(&steps[0], &[InProgress], pool).await;
    assert_eq!(viable().await, [2]);
    moved(&steps[1], &[Cancelled], pool).await;
    assert!(viable().await.is_empty());
    let (_task, steps) = dummy(pool).await;
    let viable = async || names(&WorkflowStep::viable(&steps, pool).await.unwrap(), &steps);
    let mut failed = steps[0].clone();
    moved(&failed, &[InProgress, Error], pool).await;
    let now = sqlx::query_scalar("SELECT clock_timestamp() AT TIME ZONE 'UTC'").fetch_one(pool).await.unwrap();
    let attempted = |row: &mut WorkflowStep| {
        (row.attempts, row.last_attempted_at, row.backoff_request_seconds) = (Some(1), Some(now), Some(30));
    };
    failed.update(pool, attempted).await.unwrap();
    assert_eq!(viable().await, [2]);
    failed.update(pool, |row| row.last_attempted_at = Some(now - chrono::TimeDelta::seconds(31))).await.unwrap();
    sqlx::query("UPDATE tasker_workflow_step_transitions SET created_at = created_at - interval '31 seconds'")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(viable().await, [1, 2]);
}

#[tokio::test]
async fn a_root_whose_attempts_are_used_up_leaves_the_other_root_viable() {
    // B-MOD-085
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (_task, mut steps) = dummy(pool).await;
    moved(&steps[0], &[InProgress, Error], pool).await;
    steps[0].update(pool, |row| row.attempts = Some(3)).await.unwrap();
    sqlx::query("UPDATE tasker_workflow_step_transitions SET created_at = created_at - interval '1 day'")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(names(&WorkflowStep::viable(&steps, pool).await.unwrap(), &steps), [2]);
}

#[tokio::test]
async fn predicates_tell_what_the_function_said_when_it_was_asked() {
    // B-MOD-091
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (_task, steps) = dummy(pool).await;
    let of = async |place: usize| steps[place].readiness(pool).await.unwrap();
    let (root, waiting) = (of(1).await, of(2).await);
    assert!(root.is_pending() && root.is_ready() && root.is_root_step() && root.is_in_ready_status());
    assert!(root.has_dependencies_satisfied() && root.is_retry_eligible() && !root.has_retry_attempts());
    assert!(waiting.is_pending() && waiting.is_in_ready_status() && !waiting.is_ready() && !waiting.is_root_step());
    assert!(!waiting.has_dependencies_satisfied());
    assert!(!steps[1].is_leaf_step(pool).await.unwrap() && steps[3].is_leaf_step(pool).await.unwrap());

    moved(&steps[1], &[InProgress], pool).await;
    assert!(root.is_pending() && !root.is_in_progress(), "what was asked before stays as it was");
    let running = of(1).await;
    assert!(running.is_in_progress() && !running.is_in_ready_status() && !running.is_ready());
    let mut failed = steps[1].clone();
    moved(&failed, &[Error], pool).await;
    failed.update(pool, |row| row.attempts = Some(2)).await.unwrap();
    let waits = of(1).await;
    assert!(waits.is_in_error() && waits.is_in_ready_status() && waits.is_waiting_for_backoff());
    assert!(waits.has_retry_attempts() && !waits.is_retry_exhausted() && !waits.can_retry_now());
    sqlx::query("UPDATE tasker_workflow_step_transitions SET created_at = created_at - interval '1 hour'")
        .execute(pool)
        .await
        .unwrap();
    let due = of(1).await;
    assert!(due.can_retry_now() && due.is_ready() && !due.is_waiting_for_backoff());
    failed.update(pool, |row| row.attempts = Some(3)).await.unwrap();
    let exhausted = of(1).await;
    assert!(exhausted.is_retry_exhausted() && !exhausted.is_retry_eligible() && !exhausted.can_retry_now());
    moved(&failed, &[ResolvedManually], pool).await;
    assert!(of(1).await.is_complete() && !of(1).await.is_in_ready_status() && of(2).await.is_ready());
    moved(&steps[0], &[Cancelled], pool).await;
    assert!(of(0).await.is_cancelled() && !of(0).await.is_in_ready_status());
}

#[tokio::test]
async fn a_step_that_was_deleted_answers_no_but_for_its_ready_status() {
    // B-MOD-092
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let gone = step(&task(pool).await, "one", pool).await;
    gone.clone().delete(pool).await.unwrap();
    let status = gone.readiness(pool).await.unwrap();
    assert_eq!(status.row, None);
    assert!(status.is_in_ready_status());
    let answers = [
        status.is_complete(),
        status.is_in_progress(),
        status.is_pending(),
        status.is_in_error(),
        status.is_cancelled(),
        status.is_ready(),
        status.has_dependencies_satisfied(),
        status.is_retry_eligible(),
        status.has_retry_attempts(),
        status.is_retry_exhausted(),
        status.is_waiting_for_backoff(),
        status.can_retry_now(),
    ];
    assert!(!answers.contains(&true), "{answers:?}");
    assert!(status.is_root_step(), "no row has no parents, as in the original");
}

#[tokio::test]
async fn many_steps_of_many_tasks_are_asked_about_at_once() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let mut steps = Vec::new();
    let mut taken = Vec::new();
    for _ in 0..3 {
        steps.extend(dummy(pool).await.1);
        let counted = Statements::counted();
        let statuses = WorkflowStep::readiness_of(&steps, pool).await.unwrap();
        let readiness = counted.taken();
        assert_eq!(statuses.len(), steps.len());
        assert_eq!(WorkflowStep::viable(&steps, pool).await.unwrap().len(), steps.len() / 2);
        taken.push((readiness, counted.taken()));
    }
    assert_eq!(taken, [(2, 1); 3]);
}

#[tokio::test]
async fn rows_of_functions_lead_to_the_rows_they_are_about() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (first, steps) = dummy(pool).await;
    let (second, _) = dummy(pool).await;
    let rows = StepReadiness::for_tasks(pool, &[first.task_id, second.task_id]).await.unwrap();
    let counted = Statements::counted();
    let of_rows = WorkflowStep::of_rows(&rows, pool).await.unwrap();
    assert_eq!((of_rows.len(), counted.taken()), (8, 1));
    assert_eq!(of_rows[&steps[0].workflow_step_id], steps[0]);
    let tasks = Task::of_rows(&rows, pool).await.unwrap();
    assert_eq!((tasks.len(), counted.taken()), (2, 1));
    assert_eq!(rows[0].workflow_step(pool).await.unwrap(), steps[0]);
    assert_eq!(rows[0].task(pool).await.unwrap(), first);
    let levels = DependencyLevels::for_task(pool, first.task_id).await.unwrap();
    assert_eq!(levels.steps[0].workflow_step(pool).await.unwrap(), steps[0]);

    counted.taken();
    let contexts = Task::execution_contexts([&first, &second], pool).await.unwrap();
    assert_eq!((contexts.len(), counted.taken()), (2, 1));
    let context: TaskExecutionContext = second.execution_context(pool).await.unwrap();
    assert_eq!(context, contexts[&second.task_id]);
    assert_eq!((context.total_steps, context.ready_steps), (4, 2));
    assert_eq!(context.task(pool).await.unwrap(), second);
    assert_eq!(context.workflow_summary().pending, 4);
    second.clone().delete(pool).await.unwrap();
    assert!(matches!(second.execution_context(pool).await, Err(ModelError::NotFound { model: "Task", .. })));
    assert!(matches!(context.task(pool).await, Err(ModelError::NotFound { .. })));
    assert_eq!(Task::of_rows(&rows, pool).await.unwrap().len(), 1);
    let _: StepState = rows[0].state().unwrap();
}
