//! What was written once is still read, and is written the same way.

use serde_json::{Value, json};
use tasker_domain::readiness::{
    Snapshot, StepReadiness, TaskExecutionContext, TaskStanding, step_readiness, task_execution_context, task_standing,
};

use crate::support::noon;

fn stored() -> Value {
    serde_json::from_str(include_str!("../data/readiness-snapshot.json")).unwrap()
}

#[test]
fn a_stored_snapshot_is_read_and_written_the_same_way() {
    let stored = stored();
    let snapshot: Snapshot = serde_json::from_value(stored["snapshot"].clone()).unwrap();
    assert_eq!(serde_json::to_value(&snapshot).unwrap(), stored["snapshot"]);
}

#[test]
fn stored_answers_are_those_of_today() {
    let stored = stored();
    let snapshot: Snapshot = serde_json::from_value(stored["snapshot"].clone()).unwrap();
    let rows: Vec<StepReadiness> = serde_json::from_value(stored["step_readiness"].clone()).unwrap();
    assert_eq!(step_readiness(&snapshot, 1, None, noon()).unwrap(), rows);
    assert_eq!(serde_json::to_value(&rows).unwrap(), stored["step_readiness"]);
    let context: TaskExecutionContext = serde_json::from_value(stored["task_execution_context"].clone()).unwrap();
    assert_eq!(task_execution_context(&snapshot, 1, noon()).unwrap().unwrap(), context);
    assert_eq!(serde_json::to_value(&context).unwrap(), stored["task_execution_context"]);
    let standing: TaskStanding = serde_json::from_value(stored["task_standing"].clone()).unwrap();
    assert_eq!(task_standing(&snapshot, 1, noon()).unwrap(), standing);
    assert_eq!(serde_json::to_value(&standing).unwrap(), stored["task_standing"]);
}

#[test]
fn what_a_row_leaves_out_has_the_columns_own_default() {
    let sparse = json!({
        "tasks": [{"task_id": 1, "named_task_id": 1}],
        "steps": [{"workflow_step_id": 1, "task_id": 1, "named_step_id": 1, "name": "a"}],
        "edges": [],
    });
    let snapshot: Snapshot = serde_json::from_value(sparse).unwrap();
    let row = &step_readiness(&snapshot, 1, None, noon()).unwrap()[0];
    assert_eq!((row.attempts, row.retry_limit, row.ready_for_execution), (0, 3, true));
}

#[test]
fn a_stored_snapshot_that_is_none_is_refused() {
    let broken = json!({"tasks": [], "steps": [], "edges": [{"from_step_id": 1, "to_step_id": 2}]});
    let error = serde_json::from_value::<Snapshot>(broken).unwrap_err().to_string();
    assert!(error.contains("the step 1, which is not in the snapshot"), "{error}");
}
