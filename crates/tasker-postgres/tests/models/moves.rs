//! Moves from state to state.

use serde_json::json;
use tasker_domain::json::Json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{dummy, messages, minute, moved, step, task};

async fn history(step: &WorkflowStep, pool: &tasker_postgres::PgPool) -> Vec<(Option<String>, String, i32, bool)> {
    let rows = WorkflowStep::WORKFLOW_STEP_TRANSITIONS.of(step, pool).await.unwrap();
    rows.into_iter().map(|row| (row.from_state, row.to_state, row.sort_key, row.most_recent)).collect()
}

#[tokio::test]
async fn each_move_adds_a_row_that_says_where_it_comes_from() {
    //
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let step = step(&task, "one", pool).await;
    let metadata = json!({"attempt": 12345678901234567890123_f64, "by": "hand"});
    let Moved::Done(row) = step.transition_to(StepState::InProgress, metadata, pool).await.unwrap() else { panic!() };
    assert_eq!(row.get_metadata("by"), Some(Json::from("hand")));
    // A row of another step that is ahead of the clock is not undercut.
    let ahead = sqlx::query_scalar::<_, chrono::NaiveDateTime>(
        "UPDATE tasker_workflow_step_transitions SET created_at = created_at + interval '1 hour' RETURNING created_at",
    );
    let ahead = ahead.fetch_one(pool).await.unwrap();
    moved(&step, &[StepState::Error, StepState::Pending], pool).await;
    let row = |from: &str, to: &str, sort_key, newest| (Some(from.to_owned()), to.to_owned(), sort_key, newest);
    assert_eq!(
        history(&step, pool).await,
        [
            row("pending", "in_progress", 10, false),
            row("in_progress", "error", 20, false),
            row("error", "pending", 30, true)
        ]
    );
    assert_eq!(step.state(pool).await.unwrap(), StepState::Pending);
    for transition in
        WorkflowStepTransition::scope().filter(WorkflowStepTransition::SORT_KEY.gt(10)).fetch(pool).await.unwrap()
    {
        assert!(transition.created_at >= ahead, "{transition:?}");
    }
    let Moved::Done(row) = task.transition_to(TaskState::InProgress, (), pool).await.unwrap() else { panic!() };
    assert_eq!((row.from_state.as_deref(), row.sort_key, row.most_recent), (Some("pending"), 10, true));
    assert!(row.created_at >= ahead);
    assert_eq!(row.metadata.unwrap().get(), "{}");
    assert_eq!(task.transition_to(TaskState::InProgress, (), pool).await.unwrap(), Moved::AlreadySo);
    let refused = task.transition_to(TaskState::Error, json!([1]), pool).await;
    assert_eq!(messages(refused), ["Metadata must be a hash"]);
    assert_eq!(task.state(pool).await.unwrap(), TaskState::InProgress);
}

#[tokio::test]
async fn moves_that_the_machines_do_not_have_are_refused() {
    // R-22, B-SQL-097
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let step = step(&task, "one", pool).await;
    moved(&step, &[StepState::InProgress, StepState::Error], pool).await;
    let before = history(&step, pool).await;
    assert!(before.iter().all(|(from, to, ..)| from.as_deref() != Some("") && !to.is_empty()), "{before:?}");
    let refused = step.transition_to(StepState::InProgress, (), pool).await.unwrap_err();
    assert!(matches!(&refused, ModelError::StepMoveRefused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("from error to in_progress"), "{refused}");
    assert!(!step.safe_transition_to(StepState::InProgress, (), pool).await.unwrap());
    assert_eq!(history(&step, pool).await, before);
    assert!(step.safe_transition_to(StepState::ResolvedManually, (), pool).await.unwrap());
    assert!(!step.safe_transition_to(StepState::ResolvedManually, (), pool).await.unwrap(), "already so");
    let refused = task.transition_to(TaskState::ResolvedManually, (), pool).await.unwrap_err();
    assert!(matches!(&refused, ModelError::TaskMoveRefused { .. }), "{refused:?}");
    let from_complete = task.transition_to_from(TaskState::Cancelled, &[TaskState::Complete], (), pool).await.unwrap();
    assert_eq!(from_complete, MovedIf::InAnotherState(TaskState::Pending));
    let open = [TaskState::Pending, TaskState::InProgress];
    assert!(task.is_in_any_state(&open, pool).await.unwrap());
    assert!(matches!(task.transition_to_from(TaskState::Cancelled, &open, (), pool).await, Ok(MovedIf::Done(_))));
    let again = task.transition_to_from(TaskState::Cancelled, &open, (), pool).await.unwrap();
    assert_eq!(again, MovedIf::AlreadySo);
    assert!(!task.is_in_any_state(&open, pool).await.unwrap());
    task.clone().delete(pool).await.unwrap();
    let gone = task.transition_to(TaskState::Error, (), pool).await.unwrap_err();
    assert!(matches!(gone, ModelError::NotFound { model: "Task", .. }), "{gone:?}");
}

#[tokio::test]
async fn guards_look_at_other_steps() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (task, steps) = dummy(pool).await;
    let refused = steps[2].transition_to(StepState::InProgress, (), pool).await.unwrap_err();
    assert!(refused.to_string().contains("1 of its parents"), "{refused}");
    moved(&steps[1], &[StepState::ResolvedManually], pool).await;
    moved(&steps[2], &[StepState::InProgress, StepState::Complete], pool).await;
    moved(&steps[3], &[StepState::InProgress, StepState::Complete], pool).await;
    task.transition_to(TaskState::InProgress, (), pool).await.unwrap();
    let refused = task.transition_to(TaskState::Complete, (), pool).await.unwrap_err();
    assert!(refused.to_string().contains("1 of its steps"), "{refused}");
    moved(&steps[0], &[StepState::InProgress, StepState::Complete], pool).await;
    assert!(matches!(task.transition_to(TaskState::Complete, (), pool).await, Ok(Moved::Done(_))));
    // A state that cannot be read passes no guard.
    let (_task, steps) = dummy(pool).await;
    let strange = NewWorkflowStepTransition::to(StepState::Complete, steps[1].workflow_step_id, 10);
    WorkflowStepTransition::create(strange, pool).await.unwrap();
    sqlx::query("UPDATE tasker_workflow_step_transitions SET to_state = 'skipped' WHERE workflow_step_id = $1")
        .bind(steps[1].workflow_step_id)
        .execute(pool)
        .await
        .unwrap();
    let unknown = steps[2].transition_to(StepState::InProgress, (), pool).await.unwrap_err();
    assert!(matches!(unknown, ModelError::UnknownState(_)), "{unknown:?}");
}

#[tokio::test]
async fn of_rivals_one_moves_it() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let step = step(&task(pool).await, "one", pool).await;
    let rivals: Vec<_> = (0..6)
        .map(|_| {
            let (pool, step) = (pool.clone(), step.clone());
            tokio::spawn(async move { step.transition_to(StepState::InProgress, (), &pool).await.unwrap() })
        })
        .collect();
    let mut done = 0;
    for rival in rivals {
        done += usize::from(matches!(rival.await.unwrap(), Moved::Done(_)));
    }
    assert_eq!(done, 1);
    // A rival that takes no lock, as Rails does: the unique index decides.
    let mut theirs = pool.begin().await.unwrap();
    sqlx::query("UPDATE tasker_workflow_step_transitions SET most_recent = false WHERE most_recent")
        .execute(&mut *theirs)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO tasker_workflow_step_transitions (to_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         VALUES ('complete', 20, true, $1, now(), now())",
    )
    .bind(step.workflow_step_id)
    .execute(&mut *theirs)
    .await
    .unwrap();
    let (ours, pool_of_ours) = (step.clone(), pool.clone());
    let late = tokio::spawn(async move { ours.safe_transition_to(StepState::Error, (), &pool_of_ours).await });
    crate::support::wait_for_a_lock(pool).await;
    theirs.commit().await.unwrap();
    let conflict = late.await.unwrap().unwrap_err();
    assert!(matches!(conflict, ModelError::TransitionConflict { model: "WorkflowStep", .. }), "{conflict:?}");
    assert_eq!(step.state(pool).await.unwrap(), StepState::Complete);
}

#[tokio::test]
async fn a_move_in_a_transaction_goes_with_it() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let mut transaction = pool.begin().await.unwrap();
    task.transition_to(TaskState::InProgress, (), &mut transaction).await.unwrap();
    let refused = task.transition_to(TaskState::ResolvedManually, (), &mut transaction).await;
    assert!(matches!(refused, Err(ModelError::TaskMoveRefused { .. })));
    assert_eq!(task.state(&mut transaction).await.unwrap(), TaskState::InProgress);
    transaction.rollback().await.unwrap();
    assert_eq!(task.state(pool).await.unwrap(), TaskState::Pending);
    // Rows of the original without a state before them are continued.
    let theirs =
        NewTaskTransition { created_at: Some(minute(0)), ..NewTaskTransition::to(TaskState::Error, task.task_id, 7) };
    TaskTransition::create(theirs, pool).await.unwrap();
    let Moved::Done(row) = task.transition_to(TaskState::Pending, (), pool).await.unwrap() else { panic!() };
    assert_eq!((row.sort_key, row.from_state.as_deref()), (17, Some("error")));
}
