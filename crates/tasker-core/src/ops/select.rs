//! Tasks chosen by a filter, through the scopes of the models.

use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use tasker_domain::span;
use tasker_domain::state::TaskState;
use tasker_postgres::ledger::{Ledger, LedgerError};
use tasker_postgres::models::{ModelError, Task};

/// Longer than any database has been there; more would not fit the arithmetic of instants.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Which tasks; what is not given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<TaskState>,
    /// Of a type with this namespace and name.
    pub task_type: Option<(String, String)>,
    /// Of this version.
    pub version: Option<String>,
    /// Stored longer ago than this, by the database's clock.
    pub older_than: Option<Duration>,
    /// Stored less long ago than this, by the database's clock.
    pub younger_than: Option<Duration>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// Not ended, with a dead step of this name.
    pub held_by: Option<String>,
}

/// A condition that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterProblem(String);

/// Tasks that fit a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Their ids, the oldest or the newest first.
    pub task_ids: Vec<i64>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

impl Filter {
    /// Adds a condition as it is typed: `state=error`, `type=shop/order`, `version=1.0.0`, `older-than=2h`,
    /// `younger-than=30m`, `tag=urgent`, `step=ship`.
    ///
    /// # Errors
    /// When it is none of these, or was given twice.
    pub fn add(&mut self, condition: &str) -> Result<(), FilterProblem> {
        let problem = |text: String| FilterProblem(text);
        let (key, value) = condition
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or_else(|| problem(format!("`{condition}` is no condition: write KEY=VALUE, such as state=error")))?;
        let once = |given: bool| match given {
            true => Err(problem(format!("`{key}` is given twice, and a task has only one"))),
            false => Ok(()),
        };
        match key {
            "state" => {
                once(self.state.is_some())?;
                let states = TaskState::ALL.map(TaskState::as_str).join(", ");
                let state = TaskState::from_str(value)
                    .map_err(|_| problem(format!("`{value}` is no state of a task: write one of {states}")))?;
                self.state = Some(state);
            }
            "type" => {
                once(self.task_type.is_some())?;
                let (namespace, name) = value
                    .split_once('/')
                    .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
                    .ok_or_else(|| problem(format!("`{value}` is no task type: write NAMESPACE/NAME")))?;
                self.task_type = Some((namespace.to_owned(), name.to_owned()));
            }
            "version" => {
                once(self.version.is_some())?;
                self.version = Some(value.to_owned());
            }
            "older-than" => {
                once(self.older_than.is_some())?;
                self.older_than = Some(time(value)?);
            }
            "younger-than" => {
                once(self.younger_than.is_some())?;
                self.younger_than = Some(time(value)?);
            }
            "tag" => self.tags.push(value.to_owned()),
            "step" => {
                once(self.held_by.is_some())?;
                self.held_by = Some(value.to_owned());
            }
            other => {
                return Err(problem(format!(
                    "`{other}` is no condition: there are state, type, version, older-than, younger-than, tag and step"
                )));
            }
        }
        Ok(())
    }
}

/// Reads `90s`, `30m`, `2h`, `7d`: a number alone could mean anything.
fn time(text: &str) -> Result<Duration, FilterProblem> {
    let problem = |what: &dyn std::fmt::Display| FilterProblem(format!("`{text}` is no time: {what}"));
    let time = span::with_units(text).map_err(|wrong| problem(&wrong))?;
    if time > LONGEST { Err(problem(&"it is longer than a hundred years")) } else { Ok(time) }
}

/// The tasks that fit, at most so many: the oldest, or the newest.
///
/// # Errors
/// What the database says.
pub async fn select(
    ledger: &Ledger,
    filter: &Filter,
    most: usize,
    newest_first: bool,
) -> Result<Selected, LedgerError> {
    let mut scope = Task::scope();
    if let Some(state) = filter.state {
        scope = scope.in_state(state);
    }
    if let Some((namespace, name)) = &filter.task_type {
        scope = scope.in_namespace(namespace).with_task_name(name);
    }
    if let Some(version) = &filter.version {
        scope = scope.with_version(version);
    }
    if filter.older_than.is_some() || filter.younger_than.is_some() {
        let now = ledger.now().await?;
        let before = |time: Duration| TimeDelta::from_std(time).ok().and_then(|time| now.checked_sub_signed(time));
        if let Some(instant) = filter.older_than.and_then(before) {
            scope = scope.filter(Task::CREATED_AT.lt(instant));
        }
        if let Some(instant) = filter.younger_than.and_then(before) {
            scope = scope.created_since(instant);
        }
    }
    for tag in &filter.tags {
        scope = scope.with_tag(tag);
    }
    if let Some(step) = &filter.held_by {
        scope = scope.held_by_step(step);
    }
    let order = if newest_first { Task::TASK_ID.desc() } else { Task::TASK_ID.asc() };
    let one_more = most.saturating_add(1);
    let mut task_ids = scope.order(order).limit(one_more as u64).keys(ledger.pool()).await.map_err(of_model)?;
    let more = task_ids.len() > most;
    task_ids.truncate(most);
    Ok(Selected { task_ids, more })
}

/// A scope only reads; whatever else a model can say does not happen.
fn of_model(error: ModelError) -> LedgerError {
    match error {
        ModelError::Database(error) => error.into(),
        other => LedgerError::Inconsistent(other.to_string()),
    }
}
