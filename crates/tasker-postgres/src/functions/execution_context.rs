//! `get_task_execution_context`, for one task and for several: how far a task is and what should be done about it.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgExecutor, Row};
use tasker_domain::decimal::Decimal;
use tasker_domain::readiness::{ExecutionStatus, HealthStatus, RecommendedAction, Urgency};
use tasker_domain::state::{TaskState, UnknownState};

use super::FunctionError;

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskExecutionContext {
    /// Id of the task.
    pub task_id: i64,
    /// Id of its named task.
    pub named_task_id: i32,
    /// The state its history ends with, `pending` without one; as written, also where it is no state of ours.
    pub status: String,
    /// Its steps.
    pub total_steps: i64,
    /// Steps in `pending`.
    pub pending_steps: i64,
    /// Steps in `in_progress`.
    pub in_progress_steps: i64,
    /// Steps in `complete` or `resolved_manually`.
    pub completed_steps: i64,
    /// Steps in `error`.
    pub failed_steps: i64,
    /// Steps that can run now; they count among the pending or failed ones too.
    pub ready_steps: i64,
    /// Where the task stands.
    pub execution_status: ExecutionStatus,
    /// What should be done.
    pub recommended_action: RecommendedAction,
    /// Completed steps of all, in percent with two decimals; `0.0` without steps.
    pub completion_percentage: Decimal,
    /// What its failures mean.
    pub health_status: HealthStatus,
}

/// The counts of a task and what follows from them (B-SQL-057).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowSummary {
    /// All steps.
    pub total_steps: i64,
    /// Completed ones.
    pub completed: i64,
    /// Pending ones.
    pub pending: i64,
    /// Running ones.
    pub in_progress: i64,
    /// Failed ones.
    pub failed: i64,
    /// Those that can run now.
    pub ready: i64,
    /// Completed ones in percent.
    pub completion_percentage: Decimal,
    /// Where the task stands.
    pub status: ExecutionStatus,
    /// What its failures mean.
    pub health: HealthStatus,
    /// What should be done.
    pub recommended_action: RecommendedAction,
    /// How far it is.
    pub progress_details: ProgressDetails,
}

/// How far a task is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgressDetails {
    /// `<completed>/<total>`.
    pub completed_ratio: String,
    /// `<percentage>%`.
    pub completion_percentage: String,
    /// Steps that are not completed.
    pub remaining_steps: i64,
    /// Failed steps.
    pub failed_steps: i64,
    /// Steps that can run now.
    pub ready_steps: i64,
}

/// What should be done, in words (B-SQL-058).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextAction {
    /// What.
    pub action: RecommendedAction,
    /// The same in a sentence.
    pub description: String,
    /// How soon.
    pub urgency: Urgency,
    /// Whether a program can do it.
    pub can_proceed: bool,
}

impl TaskExecutionContext {
    /// Of one task; nothing for an unknown id (B-SQL-014).
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn find(executor: impl PgExecutor<'_>, task_id: i64) -> Result<Option<Self>, FunctionError> {
        Ok(sqlx::query_as(include_str!("../../sql/functions/task_execution_context.sql"))
            .bind(task_id)
            .fetch_optional(executor)
            .await?)
    }

    /// Of several tasks by id, one for each element of the list that names a task. An empty list is answered without
    /// asking the database (B-SQL-016).
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn for_tasks(executor: impl PgExecutor<'_>, task_ids: &[i64]) -> Result<Vec<Self>, FunctionError> {
        if task_ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(sqlx::query_as(include_str!("../../sql/functions/task_execution_contexts_batch.sql"))
            .bind(task_ids)
            .fetch_all(executor)
            .await?)
    }

    /// The task's state, where it is one of ours.
    ///
    /// # Errors
    /// [`UnknownState`] where another program wrote another word.
    pub fn state(&self) -> Result<TaskState, UnknownState> {
        self.status.parse()
    }

    /// Something can run or runs (B-SQL-056).
    pub fn has_work_to_do(&self) -> bool {
        matches!(self.execution_status, ExecutionStatus::HasReadySteps | ExecutionStatus::Processing)
    }

    /// A failed step has used up its attempts and nothing else goes on (B-SQL-056).
    pub fn is_blocked(&self) -> bool {
        self.execution_status == ExecutionStatus::BlockedByFailures
    }

    /// All steps have ended well.
    pub fn is_complete(&self) -> bool {
        self.execution_status == ExecutionStatus::AllComplete
    }

    /// No step has failed.
    pub fn is_healthy(&self) -> bool {
        self.health_status == HealthStatus::Healthy
    }

    /// A person has to see to it (B-SQL-056).
    pub fn needs_intervention(&self) -> bool {
        self.health_status == HealthStatus::Blocked
    }

    /// A step can run now (B-SQL-056).
    pub fn can_make_progress(&self) -> bool {
        self.ready_steps > 0
    }

    /// The task should be looked at again later (B-SQL-056).
    pub fn should_reenqueue(&self) -> bool {
        matches!(self.execution_status, ExecutionStatus::Processing | ExecutionStatus::WaitingForDependencies)
    }

    /// The task should be worked at once (B-SQL-056).
    pub fn needs_immediate_action(&self) -> bool {
        self.execution_status == ExecutionStatus::HasReadySteps
    }

    /// The counts and what follows from them (B-SQL-057).
    pub fn workflow_summary(&self) -> WorkflowSummary {
        WorkflowSummary {
            total_steps: self.total_steps,
            completed: self.completed_steps,
            pending: self.pending_steps,
            in_progress: self.in_progress_steps,
            failed: self.failed_steps,
            ready: self.ready_steps,
            completion_percentage: self.completion_percentage,
            status: self.execution_status,
            health: self.health_status,
            recommended_action: self.recommended_action,
            progress_details: self.progress_details(),
        }
    }

    /// How far the task is, in words (B-SQL-057).
    pub fn progress_details(&self) -> ProgressDetails {
        ProgressDetails {
            completed_ratio: format!("{}/{}", self.completed_steps, self.total_steps),
            completion_percentage: format!("{}%", self.completion_percentage),
            remaining_steps: self.total_steps - self.completed_steps,
            failed_steps: self.failed_steps,
            ready_steps: self.ready_steps,
        }
    }

    /// What should be done, in words (B-SQL-058).
    pub fn next_action(&self) -> NextAction {
        let (description, urgency, can_proceed) = match self.recommended_action {
            RecommendedAction::ExecuteReadySteps => {
                (format!("{} steps ready for execution", self.ready_steps), Urgency::High, true)
            }
            RecommendedAction::WaitForCompletion => {
                (format!("{} steps currently processing", self.in_progress_steps), Urgency::Low, false)
            }
            RecommendedAction::HandleFailures => {
                (format!("{} failed steps blocking progress", self.failed_steps), Urgency::Critical, false)
            }
            RecommendedAction::FinalizeTask => ("All steps completed successfully".to_owned(), Urgency::Medium, true),
            RecommendedAction::WaitForDependencies => {
                ("Waiting for dependencies to be satisfied".to_owned(), Urgency::Low, false)
            }
        };
        NextAction { action: self.recommended_action, description, urgency, can_proceed }
    }
}

impl<'r> FromRow<'r, PgRow> for TaskExecutionContext {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            task_id: row.try_get("task_id")?,
            named_task_id: row.try_get("named_task_id")?,
            status: row.try_get("status")?,
            total_steps: row.try_get("total_steps")?,
            pending_steps: row.try_get("pending_steps")?,
            in_progress_steps: row.try_get("in_progress_steps")?,
            completed_steps: row.try_get("completed_steps")?,
            failed_steps: row.try_get("failed_steps")?,
            ready_steps: row.try_get("ready_steps")?,
            execution_status: parsed(row, "execution_status")?,
            recommended_action: parsed(row, "recommended_action")?,
            completion_percentage: parsed(row, "completion_percentage")?,
            health_status: parsed(row, "health_status")?,
        })
    }
}

/// A column of text that stands for something else.
pub(super) fn parsed<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<&str, _>(column)?
        .parse()
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}
