//! The state of a task and its steps at any instant, rebuilt from the history alone.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::Serialize;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::ledger::{Ledger, LedgerError, Move};

/// Where a task and its steps stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateAt {
    /// State of the task.
    pub task: TaskState,
    /// State of each step, by id; those that had no row yet are pending.
    pub steps: BTreeMap<i64, StepState>,
}

/// Where a task and its steps stood at an instant (UTC): after every move up to it, that instant included. Steps are those
/// that the task has now; before it was stored all of them count as pending. Nothing where there is no such task.
///
/// # Errors
/// What the database says; [`LedgerError::Inconsistent`] when another program wrote a word that is no state.
pub async fn state_at(ledger: &Ledger, task_id: i64, instant: NaiveDateTime) -> Result<Option<StateAt>, LedgerError> {
    let Some(record) = ledger.task_record(task_id).await? else {
        return Ok(None);
    };
    let mut at = StateAt {
        task: TaskState::Pending,
        steps: record.steps.iter().map(|step| (step.step_id, StepState::Pending)).collect(),
    };
    let mut moves = ledger.history(task_id).await?;
    moves.retain(|row| row.at <= instant);
    // Which of two rows of one step is the later is said by the sort key, never by the time.
    moves.sort_by_key(|row| row.sort_key);
    for Move { step_id, to, .. } in moves {
        let unknown = |error: tasker_domain::state::UnknownState| LedgerError::Inconsistent(error.to_string());
        match step_id {
            None => at.task = TaskState::of_newest_row(Some(&to)).map_err(unknown)?,
            Some(step_id) => {
                at.steps.insert(step_id, StepState::of_newest_row(Some(&to)).map_err(unknown)?);
            }
        }
    }
    Ok(Some(at))
}
