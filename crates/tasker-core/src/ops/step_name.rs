//! Steps as people name them: by their id, or as `TASK/STEP`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use tasker_postgres::ledger::{Ledger, LedgerError};

/// A step by its id or by its task and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepName {
    /// By its id.
    Id(i64),
    /// `TASK/STEP`.
    Within {
        /// Id of the task.
        task_id: i64,
        /// Name of the step.
        name: String,
    },
    /// Something else, which names no step.
    Unreadable(String),
}

impl FromStr for StepName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Ok(id) = text.parse() {
            return Ok(StepName::Id(id));
        }
        let within = text.split_once('/').and_then(|(task, name)| {
            let name = name.to_owned();
            task.parse().ok().filter(|_| !name.is_empty()).map(|task_id| StepName::Within { task_id, name })
        });
        Ok(within.unwrap_or_else(|| StepName::Unreadable(text.to_owned())))
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepName::Id(id) => write!(f, "{id}"),
            StepName::Within { task_id, name } => write!(f, "{task_id}/{name}"),
            StepName::Unreadable(text) => f.write_str(text),
        }
    }
}

/// Why a name leads to no step.
#[derive(Debug, thiserror::Error)]
pub enum StepNotFound {
    /// It is no name of a step.
    #[error("`{0}` names no step: write its id, or TASK/STEP such as 7/ship")]
    Unreadable(String),
    /// There is no step of this id.
    #[error("there is no step {0} in this database")]
    NoSuchStep(i64),
    /// There is no such task.
    #[error("there is no task {0} in this database")]
    NoSuchTask(i64),
    /// The task has no step of this name.
    #[error("task {task_id} has no step `{name}`; its steps are: {}", .steps.join(", "))]
    NotInTask {
        /// Id of the task.
        task_id: i64,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        steps: Vec<String>,
    },
    /// Another program gave one name to several steps.
    #[error("task {task_id} has several steps `{name}`: name one by its id, {}", .ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" or "))]
    Several {
        /// Id of the task.
        task_id: i64,
        /// The name that was asked for.
        name: String,
        /// Ids of the steps.
        ids: Vec<i64>,
    },
    /// The database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The id of the step and of its task.
///
/// # Errors
/// [`StepNotFound`], which says what there is instead.
pub async fn find_step(ledger: &Ledger, step: &StepName) -> Result<(i64, i64), StepNotFound> {
    match step {
        StepName::Unreadable(text) => Err(StepNotFound::Unreadable(text.clone())),
        StepName::Id(id) => {
            let task_id = ledger.task_of_step(*id).await?.ok_or(StepNotFound::NoSuchStep(*id))?;
            Ok((*id, task_id))
        }
        StepName::Within { task_id, name } => match ledger.find_steps(*task_id, name).await?.as_slice() {
            [step_id] => Ok((*step_id, *task_id)),
            [] => {
                let record = ledger.task_record(*task_id).await?.ok_or(StepNotFound::NoSuchTask(*task_id))?;
                let steps = record.steps.into_iter().map(|step| step.name).collect();
                Err(StepNotFound::NotInTask { task_id: *task_id, name: name.clone(), steps })
            }
            ids => Err(StepNotFound::Several { task_id: *task_id, name: name.clone(), ids: ids.to_vec() }),
        },
    }
}
