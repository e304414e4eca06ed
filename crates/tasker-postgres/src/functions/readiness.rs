//! `get_step_readiness_status`, for one task and for several: which steps can run, and why the others cannot.

use chrono::NaiveDateTime;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgExecutor, Row};
use tasker_domain::readiness::{BackoffKind, BlockingReason, RetryStatus};
use tasker_domain::state::{StepState, UnknownState};

use super::{DependencyStatus, FunctionError, Selection, instant};

/// Longest wait after a failure that asked for none, in seconds (B-SQL-030).
const LONGEST_EXPONENTIAL_BACKOFF: i32 = 30;

/// Whether a step can run now. Times are UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReadiness {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Id of its named step.
    pub named_step_id: i32,
    /// Name of its named step.
    pub name: String,
    /// The state its history ends with, `pending` without one; as written, also where it is no state of ours.
    pub current_state: String,
    /// Every edge into the step comes from a finished one.
    pub dependencies_satisfied: bool,
    /// Another attempt is within the limit.
    pub retry_eligible: bool,
    /// The step can run now.
    pub ready_for_execution: bool,
    /// When it failed, while it stands in `error`.
    #[serde(serialize_with = "instant::serialize_optional")]
    pub last_failure_at: Option<NaiveDateTime>,
    /// End of the wait that was asked for, else of the one that follows from the failure; may have passed although the
    /// other one has not (B-SQL-035).
    #[serde(serialize_with = "instant::serialize_optional")]
    pub next_retry_at: Option<NaiveDateTime>,
    /// Edges into the step, repeated ones counted each.
    pub total_parents: i32,
    /// Those of them that come from a finished step.
    pub completed_parents: i32,
    /// Attempts so far; 0 where the row has none.
    pub attempts: i32,
    /// Attempts in all; 3 where the row has none.
    pub retry_limit: i32,
    /// Wait that was asked for, in seconds after the last attempt.
    pub backoff_request_seconds: Option<i32>,
    /// Last attempt.
    #[serde(serialize_with = "instant::serialize_optional")]
    pub last_attempted_at: Option<NaiveDateTime>,
}

/// What [`StepReadiness`] says in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DetailedStatus<'a> {
    /// The step can run now.
    pub ready: bool,
    /// Its state.
    pub current_state: &'a str,
    /// How far its parents are.
    pub dependencies: DependencyStatus,
    /// What its attempts allow.
    pub retry: RetryStatus,
    /// Why it is not ready.
    pub blocking_reason: Option<BlockingReason>,
    /// Whole seconds until the next attempt.
    pub time_until_ready: Option<i64>,
    /// Where its wait comes from.
    pub backoff_type: BackoffKind,
    /// Length of its wait in seconds.
    pub effective_backoff_seconds: i32,
}

/// A row with what it says in words; as JSON the 16 columns in their order, then `detailed_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReadinessReport<'a> {
    /// The row.
    #[serde(flatten)]
    pub row: &'a StepReadiness,
    /// In words.
    pub detailed_status: DetailedStatus<'a>,
}

impl StepReadiness {
    /// The steps of a task, or those of them that are listed, by id; none for an unknown task or an empty list. Parents
    /// outside of the list still count.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn of_task(
        executor: impl PgExecutor<'_>,
        task_id: i64,
        step_ids: Option<&[i64]>,
    ) -> Result<Vec<Self>, FunctionError> {
        Ok(sqlx::query_as(include_str!("../../sql/functions/step_readiness.sql"))
            .bind(task_id)
            .bind(step_ids)
            .fetch_all(executor)
            .await?)
    }

    /// All steps of a task.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn for_task(executor: impl PgExecutor<'_>, task_id: i64) -> Result<Vec<Self>, FunctionError> {
        Self::of_task(executor, task_id, None).await
    }

    /// The listed steps of a task.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn for_steps(
        executor: impl PgExecutor<'_>,
        task_id: i64,
        step_ids: &[i64],
    ) -> Result<Vec<Self>, FunctionError> {
        Self::of_task(executor, task_id, Some(step_ids)).await
    }

    /// All steps of several tasks, by task and id, each once. An empty list is answered without asking the database
    /// (B-SQL-011).
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn for_tasks(executor: impl PgExecutor<'_>, task_ids: &[i64]) -> Result<Vec<Self>, FunctionError> {
        if task_ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(sqlx::query_as(include_str!("../../sql/functions/step_readiness_batch.sql"))
            .bind(task_ids)
            .fetch_all(executor)
            .await?)
    }

    /// The steps of a task that belong to a selection (B-SQL-044).
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn selected(
        executor: impl PgExecutor<'_>,
        task_id: i64,
        selection: Selection,
    ) -> Result<Vec<Self>, FunctionError> {
        let mut rows = Self::for_task(executor, task_id).await?;
        rows.retain(|row| selection.holds(row));
        Ok(rows)
    }

    /// The state, where it is one of ours.
    ///
    /// # Errors
    /// [`UnknownState`] where another program wrote another word.
    pub fn state(&self) -> Result<StepState, UnknownState> {
        self.current_state.parse()
    }

    /// Whether the step can run now.
    pub fn can_execute_now(&self) -> bool {
        self.ready_for_execution
    }

    /// Why the step is not ready (B-SQL-039); nothing when it is.
    pub fn blocking_reason(&self) -> Option<BlockingReason> {
        if self.ready_for_execution {
            return None;
        }
        Some(if !self.dependencies_satisfied {
            BlockingReason::DependenciesNotSatisfied
        } else if !self.retry_eligible {
            BlockingReason::RetryNotEligible
        } else if !matches!(self.current_state.as_str(), "pending" | "error") {
            BlockingReason::InvalidState
        } else {
            BlockingReason::Unknown
        })
    }

    /// Whole seconds from `now` (UTC) until the next attempt (B-SQL-040): 0 when ready, never negative, nothing without
    /// a known instant.
    pub fn time_until_ready(&self, now: NaiveDateTime) -> Option<i64> {
        if self.ready_for_execution {
            return Some(0);
        }
        self.next_retry_at.map(|next| next.signed_duration_since(now).num_seconds().max(0))
    }

    /// How far the parents are (B-SQL-041).
    pub fn dependency_status(&self) -> DependencyStatus {
        if self.total_parents == 0 {
            DependencyStatus::NoDependencies
        } else if self.dependencies_satisfied {
            DependencyStatus::AllSatisfied
        } else {
            DependencyStatus::Some { completed: self.completed_parents, total: self.total_parents }
        }
    }

    /// What the attempts allow (B-SQL-042).
    pub fn retry_status(&self) -> RetryStatus {
        if self.attempts >= self.retry_limit {
            RetryStatus::MaxRetriesReached
        } else if self.retry_eligible {
            RetryStatus::RetryEligible
        } else {
            RetryStatus::WaitingForBackoff
        }
    }

    /// Where the wait comes from (B-SQL-043).
    pub fn backoff_kind(&self) -> BackoffKind {
        if self.backoff_request_seconds.is_some() && self.last_attempted_at.is_some() {
            BackoffKind::Explicit
        } else if self.last_failure_at.is_some() {
            BackoffKind::Exponential
        } else {
            BackoffKind::None
        }
    }

    /// Length of the wait in seconds (B-SQL-043): what was asked for, else at most 30 doubled from 1 by each attempt, 0
    /// before the first. The database waits 2 s after a failure of a row without a number of attempts; this says 0.
    pub fn effective_backoff_seconds(&self) -> i32 {
        if let Some(seconds) = self.backoff_request_seconds {
            return seconds;
        }
        match u32::try_from(self.attempts) {
            Ok(attempts @ 1..) => 2_i32.saturating_pow(attempts).min(LONGEST_EXPONENTIAL_BACKOFF),
            _ => 0,
        }
    }

    /// All of it in words, at the instant `now` (UTC).
    pub fn detailed_status(&self, now: NaiveDateTime) -> DetailedStatus<'_> {
        DetailedStatus {
            ready: self.ready_for_execution,
            current_state: &self.current_state,
            dependencies: self.dependency_status(),
            retry: self.retry_status(),
            blocking_reason: self.blocking_reason(),
            time_until_ready: self.time_until_ready(now),
            backoff_type: self.backoff_kind(),
            effective_backoff_seconds: self.effective_backoff_seconds(),
        }
    }

    /// The row and what it says in words, at the instant `now` (UTC).
    pub fn report(&self, now: NaiveDateTime) -> ReadinessReport<'_> {
        ReadinessReport { row: self, detailed_status: self.detailed_status(now) }
    }
}

impl<'r> FromRow<'r, PgRow> for StepReadiness {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            workflow_step_id: row.try_get("workflow_step_id")?,
            task_id: row.try_get("task_id")?,
            named_step_id: row.try_get("named_step_id")?,
            name: row.try_get("name")?,
            current_state: row.try_get("current_state")?,
            dependencies_satisfied: row.try_get("dependencies_satisfied")?,
            retry_eligible: row.try_get("retry_eligible")?,
            ready_for_execution: row.try_get("ready_for_execution")?,
            last_failure_at: instant::optional(row, "last_failure_at")?,
            next_retry_at: instant::optional(row, "next_retry_at")?,
            total_parents: row.try_get("total_parents")?,
            completed_parents: row.try_get("completed_parents")?,
            attempts: row.try_get("attempts")?,
            retry_limit: row.try_get("retry_limit")?,
            backoff_request_seconds: row.try_get("backoff_request_seconds")?,
            last_attempted_at: instant::optional(row, "last_attempted_at")?,
        })
    }
}
