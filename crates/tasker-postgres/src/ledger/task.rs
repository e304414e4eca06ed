//! What became of a task: its state, its steps and their history.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::value::RawValue;
use sqlx::Row;
use tasker_domain::state::{StepState, TaskState};

use super::{DefinitionId, Ledger, LedgerError};

/// A task without its steps.
#[derive(Debug, Clone)]
pub struct TaskOverview {
    /// Id of the task.
    pub task_id: i64,
    /// Namespace of its type.
    pub namespace: String,
    /// Name of its type.
    pub name: String,
    /// Version of its type.
    pub version: String,
    /// Its state.
    pub state: TaskState,
    /// The content it was made from and that content's hash; nothing for a task that another program made.
    pub definition: Option<(DefinitionId, String)>,
    /// Whether only those who name the task work it.
    pub reserved: bool,
    /// Whether somebody paused it: nothing of it is claimed until it is resumed.
    pub paused: bool,
}

/// What a task that this worker can do nothing for is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// It does nothing more by itself.
    AtRest,
    /// Somebody holds a step of it, or a step stands in line or waits for an instant.
    GoesOn,
    /// None of these, though it has not ended: its rows were changed from outside.
    Nothing,
}

/// What of a task could be started but for somebody's pause of a queue or task type. Without any pause, nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startable {
    /// Whether any step whose queue and task type go on.
    pub free: bool,
    /// Whether any step whose queue or task type is paused.
    pub paused: bool,
    /// After which time the first step comes due that waits for its time and is not paused.
    pub due: Option<Duration>,
}

impl Startable {
    /// Whether something could be started, and nothing of it may be.
    pub fn only_paused(&self) -> bool {
        self.paused && !self.free
    }
}

/// A step and its history.
#[derive(Debug, Clone)]
pub struct StepRecord {
    /// Id of the step.
    pub step_id: i64,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StepState,
    /// Attempts that have ended.
    pub attempts: u32,
    /// Whether it may be tried again.
    pub retryable: bool,
    /// The states it went into, in order.
    pub transitions: Vec<String>,
    /// Its results, exact; `{}` before the first attempt has ended.
    pub results: Box<RawValue>,
}

/// A task with its steps, in the order in which they were made.
#[derive(Debug, Clone)]
pub struct TaskRecord {
    /// The task.
    pub task: TaskOverview,
    /// Its steps.
    pub steps: Vec<StepRecord>,
}

impl Ledger {
    /// Reads a task without its steps; nothing if there is none of this id.
    pub async fn task_overview(&self, task_id: i64) -> Result<Option<TaskOverview>, LedgerError> {
        let Some(row) = sqlx::query(include_str!("../../sql/ledger/task_overview.sql"))
            .bind(task_id)
            .fetch_optional(&self.pool)
            .await?
        else {
            return Ok(None);
        };
        let definition: (Option<i64>, Option<String>) = (row.try_get("definition_id")?, row.try_get("content_hash")?);
        Ok(Some(TaskOverview {
            task_id,
            namespace: row.try_get("namespace")?,
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            state: state(row.try_get("state")?)?,
            definition: definition.0.zip(definition.1),
            reserved: row.try_get::<Option<bool>, _>("reserved")?.unwrap_or(false),
            paused: row.try_get("paused")?,
        }))
    }

    /// Whether a task can still go on, at one instant; nothing if there is none of this id.
    pub async fn prospect(&self, task_id: i64) -> Result<Option<Prospect>, LedgerError> {
        let Some(row) = sqlx::query(include_str!("../../sql/ledger/task_prospect.sql"))
            .bind(task_id)
            .fetch_optional(&self.pool)
            .await?
        else {
            return Ok(None);
        };
        let task_state: TaskState = state(row.try_get("state")?)?;
        let goes_on = row.try_get("held")? || row.try_get("ready")? || row.try_get("waiting")?;
        Ok(Some(match (task_state.is_at_rest(), goes_on) {
            (true, _) => Prospect::AtRest,
            (false, true) => Prospect::GoesOn,
            (false, false) => Prospect::Nothing,
        }))
    }

    /// The first of these requests for tasks, each a key, a deadline and perhaps a start (UTC), whose deadline is not later
    /// than the instant `now`, or the database's, or than its start: its place and the instant that is now. A key that a task
    /// has already creates nothing and is left out.
    pub async fn passed_before(
        &self,
        requests: &[(Option<&str>, NaiveDateTime, Option<NaiveDateTime>)],
        now: Option<NaiveDateTime>,
    ) -> Result<Option<(usize, NaiveDateTime)>, LedgerError> {
        let keys: Vec<Option<&str>> = requests.iter().map(|(key, _, _)| *key).collect();
        let deadlines: Vec<Option<DateTime<Utc>>> = requests.iter().map(|(_, at, _)| Some(at.and_utc())).collect();
        let starts: Vec<Option<DateTime<Utc>>> = requests.iter().map(|(_, _, at)| at.map(|at| at.and_utc())).collect();
        let found: Option<(i64, DateTime<Utc>)> = sqlx::query_as(include_str!("../../sql/ledger/passed_before.sql"))
            .bind(keys)
            .bind(deadlines)
            .bind(starts)
            .bind(now.map(|instant| instant.and_utc()))
            .fetch_optional(&self.pool)
            .await?;
        found
            .map(|(place, now)| match usize::try_from(place - 1) {
                Ok(place) if place < requests.len() => Ok((place, now.naive_utc())),
                _ => Err(LedgerError::Inconsistent("a request was found that was not asked about".to_owned())),
            })
            .transpose()
    }

    /// What of a task could be started at the instant `now` (UTC), or the database's, but for somebody's pause of a queue
    /// or task type.
    pub async fn startable(&self, task_id: i64, now: Option<NaiveDateTime>) -> Result<Startable, LedgerError> {
        let row = sqlx::query(include_str!("../../sql/ledger/task_startable.sql"))
            .bind(task_id)
            .bind(now.map(|now| now.and_utc()))
            .fetch_one(&self.pool)
            .await?;
        let due_in: Option<f64> = row.try_get("due_in")?;
        let due = due_in
            .map(Duration::try_from_secs_f64)
            .transpose()
            .map_err(|error| LedgerError::Inconsistent(format!("a step's wait is no time: {error}")))?;
        Ok(Startable { free: row.try_get("free")?, paused: row.try_get("paused")?, due })
    }

    /// Reads a task with its steps; nothing if there is none of this id.
    pub async fn task_record(&self, task_id: i64) -> Result<Option<TaskRecord>, LedgerError> {
        let Some(task) = self.task_overview(task_id).await? else {
            return Ok(None);
        };
        let rows =
            sqlx::query(include_str!("../../sql/ledger/task_steps.sql")).bind(task_id).fetch_all(&self.pool).await?;
        let steps = rows
            .into_iter()
            .map(|row| {
                Ok(StepRecord {
                    step_id: row.try_get("step_id")?,
                    name: row.try_get("name")?,
                    state: state(row.try_get("state")?)?,
                    attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
                    retryable: row.try_get("retryable")?,
                    transitions: row.try_get("transitions")?,
                    results: raw(row.try_get("results")?)?,
                })
            })
            .collect::<Result<Vec<_>, LedgerError>>()?;
        Ok(Some(TaskRecord { task, steps }))
    }

    /// Results of a task's completed step of this name.
    pub async fn step_results(&self, task_id: i64, step_name: &str) -> Result<Option<Box<RawValue>>, LedgerError> {
        sqlx::query(include_str!("../../sql/ledger/step_results.sql"))
            .bind(task_id)
            .bind(step_name)
            .fetch_optional(&self.pool)
            .await?
            .map(|row| raw(row.try_get("results")?))
            .transpose()
    }
}

fn state<S: std::str::FromStr<Err = tasker_domain::state::UnknownState>>(text: &str) -> Result<S, LedgerError> {
    text.parse().map_err(|error: tasker_domain::state::UnknownState| LedgerError::Inconsistent(error.to_string()))
}

pub(super) fn raw(text: String) -> Result<Box<RawValue>, LedgerError> {
    RawValue::from_string(text)
        .map_err(|error| LedgerError::Inconsistent(format!("a column of JSON holds something else: {error}")))
}
