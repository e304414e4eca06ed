//! Histories.

use serde_json::json;
use tasker_domain::json::Json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{messages, minute, step, task};

#[tokio::test]
async fn transition_rules() {
    // B-MOD-153…158, B-MOD-166, B-MOD-169, B-MOD-170
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let step = step(&task, "one", pool).await;
    let new = NewWorkflowStepTransition::to(StepState::InProgress, step.workflow_step_id, 10);
    let wrong = NewWorkflowStepTransition {
        to_state: String::new(),
        from_state: Some("skipped".into()),
        metadata: Some(json!([1]).into()),
        ..new.clone()
    };
    assert_eq!(
        messages(WorkflowStepTransition::create(wrong, pool).await),
        [
            "To state cannot be empty - must specify a valid state",
            "To state is not a valid workflow step state",
            "Metadata must be a hash",
            "From state is not a valid workflow step state",
        ]
    );
    let stray = NewWorkflowStepTransition { workflow_step_id: 4711, ..new.clone() };
    assert_eq!(
        messages(WorkflowStepTransition::create(stray, pool).await),
        ["Workflow step must exist", "Workflow step must reference an existing workflow step"]
    );
    for blank in [None, Some(json!([])), Some(json!(null)), Some(json!(""))] {
        let transition = NewWorkflowStepTransition {
            metadata: blank.map(JsonText::from),
            from_state: Some(String::new()),
            ..new.clone()
        };
        let stored = WorkflowStepTransition::create(transition, pool).await.unwrap();
        assert_eq!((stored.metadata.as_ref().unwrap().get(), &stored.from_state), ("{}", &None));
        stored.delete(pool).await.unwrap();
    }
    WorkflowStepTransition::create(new.clone(), pool).await.unwrap();
    let again = NewWorkflowStepTransition { most_recent: false, ..new.clone() };
    assert_eq!(messages(WorkflowStepTransition::create(again, pool).await), ["Sort key has already been taken"]);
    let second = NewWorkflowStepTransition { sort_key: 20, ..new };
    let refused = WorkflowStepTransition::create(second, pool).await.unwrap_err();
    assert!(matches!(&refused, ModelError::NotUnique { index, .. } if index.contains("most_recent")), "{refused:?}");
    let unknown = NewTaskTransition { to_state: "failed".into(), ..NewTaskTransition::to(TaskState::Error, 4711, 10) };
    assert_eq!(
        messages(TaskTransition::create(unknown, pool).await),
        ["To state is not a valid task state", "Task must exist", "Task must exist before creating transition"]
    );
}

/// A step with this history: state, metadata, minute.
async fn history(
    step: &WorkflowStep,
    rows: &[(StepState, serde_json::Value, i64)],
    pool: &tasker_postgres::PgPool,
) -> Vec<WorkflowStepTransition> {
    let mut stored = Vec::new();
    for (place, (state, metadata, at)) in rows.iter().enumerate() {
        let new = NewWorkflowStepTransition {
            metadata: Some(metadata.into()),
            most_recent: place + 1 == rows.len(),
            created_at: Some(minute(*at)),
            ..NewWorkflowStepTransition::to(*state, step.workflow_step_id, i32::try_from(place + 1).unwrap() * 10)
        };
        stored.push(WorkflowStepTransition::create(new, pool).await.unwrap());
    }
    stored
}

#[tokio::test]
async fn histories_are_queried_and_described() {
    // B-MOD-159…165, B-MOD-168
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let (one, two) = (step(&task, "one", pool).await, step(&task, "two", pool).await);
    let rows = [
        (StepState::Pending, json!({}), 0),
        (StepState::InProgress, json!({"attempt_number": 2}), 1),
        (StepState::Error, json!({"error_message": "no", "backoff_until": "soon", "backoff_seconds": 3}), 3),
        (StepState::Pending, json!({"retry_attempt": true, "attempt_number": "2"}), 4),
        (StepState::Complete, json!({"execution_duration": 1.237}), 6),
    ];
    let stored = history(&one, &rows, pool).await;
    let other = history(&two, &[(StepState::Pending, json!({"execution_duration": 3.0, "a?b": null}), 10)], pool).await;
    let scope = WorkflowStepTransition::scope;
    let ids = |rows: &[WorkflowStepTransition]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let key = async |name: &str| scope().with_metadata_key(name).keys(pool).await.unwrap();
    assert_eq!(key("a?b").await, ids(&other));
    assert_eq!(key("retry_attempt").await, ids(&stored[3..4]));
    let value = async |name: &str, text: &str| {
        scope().with_metadata_value(name, &Json::parse(text).unwrap()).keys(pool).await.unwrap()
    };
    assert_eq!(value("attempt_number", "2").await, ids(&stored[1..2]));
    assert_eq!(value("attempt_number", "2.0").await, ids(&stored[1..2]));
    assert_eq!(value("attempt_number", "\"2\"").await, ids(&stored[3..4]));
    assert_eq!(value("a?b", "null").await, ids(&other));
    assert_eq!(scope().for_attempt(2).keys(pool).await.unwrap(), ids(&stored[1..2]));
    assert_eq!(scope().retry_transitions().keys(pool).await.unwrap(), ids(&stored[3..4]));
    assert_eq!(scope().for_task(task.task_id).count(pool).await.unwrap(), 6);
    assert_eq!(scope().for_task(task.task_id + 1).count(pool).await.unwrap(), 0);
    assert_eq!(scope().in_time_range(minute(1), minute(3)).count(pool).await.unwrap(), 2);
    let newest = WorkflowStepTransition::most_recent_to_state(scope(), "pending", pool).await.unwrap().unwrap();
    assert_eq!(newest.id, stored[3].id);
    assert_eq!(scope().to_state("pending").recent().limit(1).keys(pool).await.unwrap(), [newest.id]);

    assert_eq!(stored[0].duration_since_previous(pool).await.unwrap(), None);
    assert_eq!(stored[2].duration_since_previous(pool).await.unwrap(), Some(120.0));
    let told: Vec<String> = stored.iter().map(WorkflowStepTransition::description).collect();
    assert_eq!(
        told,
        [
            "Step initialized and ready for execution",
            "Step execution started (attempt #2)",
            "Step failed: no (retry scheduled)",
            "Step retry attempt #2",
            "Step completed successfully in 1.24s",
        ]
    );
    let backoff = stored[2].backoff_info().unwrap();
    assert_eq!((backoff.backoff_until.as_str(), backoff.retry_available), (Some("soon"), false));
    assert!(stored[4].backoff_info().is_none());
    assert_eq!(stored[0].attempt_number(), Json::from(1));
    let formatted = stored[2].formatted_metadata(pool).await.unwrap();
    assert_eq!(formatted.get("step_name").unwrap().as_str(), Some("one"));
    assert_eq!(formatted.get("transition_timestamp").unwrap().as_str(), Some("2025-07-01T12:03:00Z"));
    assert_eq!(formatted.get("duration_since_previous").unwrap().as_f64(), Some(120.0));

    let figures = scope().statistics(pool).await.unwrap();
    assert_eq!((figures.common.total_transitions, figures.common.recent_activity), (6, 0));
    assert_eq!(figures.common.states["pending"], 3);
    assert_eq!(figures.common.average_time_between_transitions, Some(120.0));
    assert_eq!((figures.retry_attempts, figures.average_execution_time), (1, Some(2.1185)));
    let single = scope().filter(WorkflowStepTransition::ID.eq(other[0].id)).statistics(pool).await.unwrap();
    assert_eq!(single.common.average_time_between_transitions, None);
}

#[tokio::test]
async fn metadata_is_changed_in_memory_and_then_stored() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let mut transition =
        TaskTransition::create(NewTaskTransition::to(TaskState::Cancelled, task.task_id, 10), pool).await.unwrap();
    assert!(transition.is_cancellation_transition() && !transition.is_completion_transition());
    assert_eq!(transition.description(), "Task was cancelled");
    transition.update(pool, |row| row.set_metadata("actor", "me")).await.unwrap();
    transition.reload(pool).await.unwrap();
    assert!(transition.has_metadata("actor"));
    assert_eq!(transition.get_metadata("actor"), Some(Json::from("me")));
    let figures = TaskTransition::scope().statistics(pool).await.unwrap();
    assert_eq!((figures.total_transitions, figures.recent_activity), (1, 1));
}

#[tokio::test]
async fn every_arrival_has_a_class_and_a_sentence() {
    // B-MOD-160, B-MOD-161, B-MOD-163
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let step = step(&task(pool).await, "one", pool).await;
    let rows = [
        (StepState::InProgress, json!({}), 0),
        (StepState::Error, json!({}), 1),
        (StepState::Pending, json!({"retry_attempt": true}), 2),
        (StepState::Complete, json!({}), 3),
        (StepState::Cancelled, json!({"triggered_by": "a deadline"}), 4),
        (StepState::Cancelled, json!({}), 5),
        (StepState::ResolvedManually, json!({"resolved_by": "ada"}), 6),
        (StepState::ResolvedManually, json!({}), 7),
    ];
    let stored = history(&step, &rows, pool).await;
    let told: Vec<String> = stored.iter().map(WorkflowStepTransition::description).collect();
    assert_eq!(
        told,
        [
            "Step execution started (attempt #1)",
            "Step failed: Unknown error",
            "Step retry attempt #1",
            "Step completed successfully",
            "Step cancelled due to a deadline",
            "Step cancelled due to manual cancellation",
            "Step manually resolved by ada",
            "Step manually resolved by unknown",
        ]
    );
    let classes: Vec<_> = stored
        .iter()
        .map(|row| {
            let (error, completion) = (row.is_error_transition(), row.is_completion_transition());
            (error, completion, row.is_cancellation_transition(), row.is_retry_transition())
        })
        .collect();
    let none = (false, false, false, false);
    let (error, completion) = ((true, false, false, false), (false, true, false, false));
    let (cancellation, retry) = ((false, false, true, false), (false, false, false, true));
    assert_eq!(classes, [none, error, retry, completion, cancellation, cancellation, completion, completion]);
    assert_eq!((stored[3].execution_duration(), stored[3].attempt_number()), (None, Json::from(1)));
    assert!(stored[1].backoff_info().is_none(), "no instant, no backoff");
}

#[tokio::test]
async fn histories_of_tasks_are_queried_and_described_too() {
    // B-MOD-167, B-MOD-168
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let states = [
        TaskState::Pending,
        TaskState::InProgress,
        TaskState::Error,
        TaskState::ResolvedManually,
        TaskState::Complete,
        TaskState::Cancelled,
    ];
    let mut stored = Vec::new();
    for (place, state) in (0_i32..).zip(states) {
        let new = NewTaskTransition {
            most_recent: place == 5,
            metadata: Some(json!({"place": place}).into()),
            created_at: Some(minute(i64::from(place))),
            ..NewTaskTransition::to(state, task.task_id, 10 * (place + 1))
        };
        stored.push(TaskTransition::create(new, pool).await.unwrap());
    }
    let told: Vec<String> = stored.iter().map(TaskTransition::description).collect();
    assert_eq!(
        told,
        [
            "Task initialized and ready for processing",
            "Task execution started",
            "Task encountered an error",
            "Task was manually resolved",
            "Task completed successfully",
            "Task was cancelled",
        ]
    );
    assert!(stored[2].is_error_transition() && stored[3].is_completion_transition());
    assert!(stored[4].is_completion_transition() && stored[5].is_cancellation_transition());
    assert_eq!(stored[0].duration_since_previous(pool).await.unwrap(), None);
    assert_eq!(stored[1].duration_since_previous(pool).await.unwrap(), Some(60.0));
    let formatted = stored[1].formatted_metadata(pool).await.unwrap();
    assert_eq!(formatted.get("place").unwrap().as_number(), Some("1"));
    assert_eq!(formatted.get("transition_description").unwrap().as_str(), Some("Task execution started"));
    let scope = TaskTransition::scope;
    let (all, one) = (scope().with_metadata_key("place"), scope().with_metadata_value("place", &Json::from(3)));
    assert_eq!((all.count(pool).await.unwrap(), one.keys(pool).await.unwrap()), (6, vec![stored[3].id]));
    assert_eq!(scope().to_state("error").keys(pool).await.unwrap(), [stored[2].id]);
    assert_eq!(scope().in_time_range(minute(1), minute(3)).count(pool).await.unwrap(), 3);
    let newest = TaskTransition::most_recent_to_state(scope(), "complete", pool).await.unwrap().unwrap();
    assert_eq!(newest.id, stored[4].id);
    let figures = scope().statistics(pool).await.unwrap();
    assert_eq!((figures.total_transitions, figures.states["error"]), (6, 1));
    assert_eq!(figures.average_time_between_transitions, Some(60.0));
}
