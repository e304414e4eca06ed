//! `get_slowest_steps_v01` and `get_slowest_tasks_v01`, as they were meant: the original's fail at every call.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::{Record, StepRecord, TaskRecord, seconds};
use crate::decimal::Decimal;
use crate::readiness::Newest;
use crate::state::StepState;

/// Rows of which tasks, and how many. Filters that are given must all hold, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowestFilter {
    /// Only what was created after this instant (UTC); without it, within the last 24 hours.
    pub since: Option<NaiveDateTime>,
    /// At most so many rows; without it, all.
    pub limit: Option<i32>,
    /// Name of the namespace.
    pub namespace: Option<String>,
    /// Name of the task type.
    pub task_name: Option<String>,
    /// Version of the task type.
    pub version: Option<String>,
}

/// Fewer than no rows were asked for; PostgreSQL reports it with the code `2201W`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit is {0}: give the number of rows, or none for all of them")]
pub struct NegativeLimit(pub i32);

/// A completed step and how long it took from its creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowestStep {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Name of the step.
    pub step_name: Arc<str>,
    /// Name of the task type.
    pub task_name: Arc<str>,
    /// Name of the namespace.
    pub namespace_name: Arc<str>,
    /// Version of the task type.
    pub version: Arc<str>,
    /// Seconds from creation to completion, three decimals.
    pub duration_seconds: Decimal,
    /// Attempts as they stand in the row.
    pub attempts: Option<i32>,
    /// Creation, UTC.
    pub created_at: NaiveDateTime,
    /// Completion, UTC.
    pub completed_at: NaiveDateTime,
    /// Whether the step may be tried again.
    pub retryable: Option<bool>,
    /// Always `complete`.
    pub step_status: StepState,
}

/// A task and how long it took from its creation to the newest end of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowestTask {
    /// Id of the task.
    pub task_id: i64,
    /// Name of the task type.
    pub task_name: Arc<str>,
    /// Name of the namespace.
    pub namespace_name: Arc<str>,
    /// Version of the task type.
    pub version: Arc<str>,
    /// Seconds from creation to the newest completion or failure of a step, three decimals; may be negative.
    pub duration_seconds: Decimal,
    /// Rows in the histories of all steps, those without any counted once (B-SQL-095): more than there are steps.
    pub step_count: i64,
    /// The same of completed steps.
    pub completed_steps: i64,
    /// The same of failed steps.
    pub error_steps: i64,
    /// Creation, UTC.
    pub created_at: NaiveDateTime,
    /// The newest completion or failure of a step, UTC.
    pub completed_at: NaiveDateTime,
    /// Who asked for the task.
    pub initiator: Option<Arc<str>>,
    /// The system that asked for it.
    pub source_system: Option<Arc<str>>,
}

impl Default for SlowestFilter {
    /// The ten slowest of the last 24 hours.
    fn default() -> Self {
        Self { since: None, limit: Some(10), namespace: None, task_name: None, version: None }
    }
}

impl SlowestFilter {
    fn start(&self, now: NaiveDateTime) -> NaiveDateTime {
        self.since.unwrap_or(now - TimeDelta::hours(24))
    }

    fn rows(&self) -> Result<usize, NegativeLimit> {
        self.limit.map_or(Ok(usize::MAX), |limit| usize::try_from(limit).map_err(|_| NegativeLimit(limit)))
    }

    fn takes(&self, task: &TaskRecord) -> bool {
        let agrees = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        agrees(&self.namespace, &task.namespace)
            && agrees(&self.task_name, &task.name)
            && agrees(&self.version, &task.version)
    }
}

/// The steps that took longest from creation to completion, slowest first, those of equal duration by id (B-SQL-093). The
/// window is about the step's creation.
///
/// # Errors
/// [`NegativeLimit`].
pub fn slowest_steps(
    record: &Record,
    filter: &SlowestFilter,
    now: NaiveDateTime,
) -> Result<Vec<SlowestStep>, NegativeLimit> {
    let (rows, start) = (filter.rows()?, filter.start(now));
    let tasks: HashMap<i64, &TaskRecord> =
        record.tasks.iter().filter(|task| filter.takes(task)).map(|task| (task.task_id, task)).collect();
    let mut found: Vec<(TimeDelta, &StepRecord, &TaskRecord, NaiveDateTime)> = record
        .steps
        .iter()
        .filter(|step| step.created_at > start)
        .filter_map(|step| {
            let task = tasks.get(&step.task_id)?;
            let completed_at = ended_in(step, StepState::Complete)?;
            let duration = completed_at - step.created_at;
            (duration > TimeDelta::zero()).then_some((duration, step, *task, completed_at))
        })
        .collect();
    found.sort_unstable_by_key(|(duration, step, ..)| (Reverse(*duration), step.workflow_step_id));
    found.truncate(rows);
    let row =
        |(duration, step, task, completed_at): (TimeDelta, &StepRecord, &TaskRecord, NaiveDateTime)| SlowestStep {
            workflow_step_id: step.workflow_step_id,
            task_id: step.task_id,
            step_name: Arc::clone(&step.name),
            task_name: Arc::clone(&task.name),
            namespace_name: Arc::clone(&task.namespace),
            version: Arc::clone(&task.version),
            duration_seconds: seconds(duration),
            attempts: step.facts.attempts,
            created_at: step.created_at,
            completed_at,
            retryable: step.facts.retryable,
            step_status: StepState::Complete,
        };
    Ok(found.into_iter().map(row).collect())
}

/// The tasks that took longest from creation to the newest completion or failure of a step, slowest first, those of equal
/// duration by id (B-SQL-094). The counts of steps are the original's, inflated ones.
///
/// # Errors
/// [`NegativeLimit`].
pub fn slowest_tasks(
    record: &Record,
    filter: &SlowestFilter,
    now: NaiveDateTime,
) -> Result<Vec<SlowestTask>, NegativeLimit> {
    let (rows, start) = (filter.rows()?, filter.start(now));
    let mut sums: HashMap<i64, Sums> = HashMap::with_capacity(record.tasks.len());
    for step in &record.steps {
        sums.entry(step.task_id).or_default().add(step);
    }
    let candidates = record.tasks.iter().filter(|task| task.created_at > start && filter.takes(task));
    let mut found: Vec<(TimeDelta, &TaskRecord, &Sums, NaiveDateTime)> = candidates
        .filter_map(|task| {
            let sums = sums.get(&task.task_id)?;
            let ended_at = sums.ended_at?;
            Some((ended_at - task.created_at, task, sums, ended_at))
        })
        .collect();
    found.sort_unstable_by_key(|(duration, task, ..)| (Reverse(*duration), task.task_id));
    found.truncate(rows);
    let row = |(duration, task, sums, ended_at): (TimeDelta, &TaskRecord, &Sums, NaiveDateTime)| SlowestTask {
        task_id: task.task_id,
        task_name: Arc::clone(&task.name),
        namespace_name: Arc::clone(&task.namespace),
        version: Arc::clone(&task.version),
        duration_seconds: seconds(duration),
        step_count: sums.counted,
        completed_steps: sums.completed,
        error_steps: sums.failed,
        created_at: task.created_at,
        completed_at: ended_at,
        initiator: task.initiator.clone(),
        source_system: task.source_system.clone(),
    };
    Ok(found.into_iter().map(row).collect())
}

/// What the steps of a task add up to.
#[derive(Default)]
struct Sums {
    counted: i64,
    completed: i64,
    failed: i64,
    ended_at: Option<NaiveDateTime>,
}

impl Sums {
    fn add(&mut self, step: &StepRecord) {
        let weight = i64::try_from(step.transitions.max(1)).unwrap_or(i64::MAX);
        self.counted += weight;
        let completed_at = ended_in(step, StepState::Complete);
        let failed_at = ended_in(step, StepState::Error);
        if completed_at.is_some() {
            self.completed += weight;
        } else if failed_at.is_some() {
            self.failed += weight;
        }
        self.ended_at = self.ended_at.max(completed_at.or(failed_at));
    }
}

/// The instant of the newest row of the step's history, if it leads to this state.
fn ended_in(step: &StepRecord, state: StepState) -> Option<NaiveDateTime> {
    let is_there = |newest: &&Newest| newest.state.known() == Some(state);
    step.facts.newest.as_ref().filter(is_there).map(|newest| newest.at)
}
