//! Rows in few words.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use tasker_domain::readiness::{Edge, Newest, RecordedStep, Rows, Snapshot, StepFacts, StepRow, TaskRow};

pub(crate) fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2025, 7, 10).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

/// So many seconds from noon.
pub(crate) fn at(seconds: f64) -> NaiveDateTime {
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and small")]
    let microseconds = (seconds * 1e6).round() as i64;
    noon() + TimeDelta::microseconds(microseconds)
}

pub(crate) fn task(task_id: i64) -> TaskRow {
    TaskRow { task_id, named_task_id: 7, newest: None, fail_fast: false }
}

pub(crate) fn step(task_id: i64, workflow_step_id: i64, facts: StepFacts) -> StepRow {
    let name = format!("step_{workflow_step_id}").into();
    StepRow { workflow_step_id, task_id, named_step_id: 70, name, facts }
}

/// A step whose history ended so many seconds from noon in this state.
pub(crate) fn moved(state: &str, seconds: f64) -> StepFacts {
    let newest = Newest { state: RecordedStep::read(state), at: at(seconds) };
    StepFacts { newest: Some(newest), ..StepFacts::default() }
}

pub(crate) fn edge(from_step_id: i64, to_step_id: i64) -> Edge {
    Edge { from_step_id, to_step_id }
}

/// The task 1 with the steps 1, 2, 3 … and these edges.
pub(crate) fn one_task(steps: Vec<StepFacts>, edges: &[(i64, i64)]) -> Snapshot {
    let steps = (1..).zip(steps).map(|(id, facts)| step(1, id, facts)).collect();
    let edges = edges.iter().map(|&(from, to)| edge(from, to)).collect();
    Snapshot::new(Rows { tasks: vec![task(1)], steps, edges }).unwrap()
}
