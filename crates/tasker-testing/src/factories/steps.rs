//! Steps.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasker_postgres::factories::{WorkflowStepRow, WorkflowStepTransitionRow};

use super::{Factory, StepMove, Stored, histories::step_rows};

/// A step: of a new task and a new step type, pending without a history, unless told otherwise.
#[derive(Debug)]
pub struct StepBuilder<'f> {
    factory: &'f Factory,
    task_id: Option<i64>,
    named_step_id: Option<i32>,
    named_step: Option<(&'static str, &'static str)>,
    moves: Vec<StepMove>,
    row: WorkflowStepRow,
}

/// A step that stands in the database, and its history.
pub type StepWithHistory = (Stored<WorkflowStepRow>, Vec<Stored<WorkflowStepTransitionRow>>);

impl Factory {
    /// A step.
    pub fn workflow_step(&self) -> StepBuilder<'_> {
        StepBuilder {
            factory: self,
            task_id: None,
            named_step_id: None,
            named_step: None,
            moves: Vec::new(),
            row: self.blank_step(0, 0),
        }
    }

    /// The row of a step that nothing has happened to.
    pub(super) fn blank_step(&self, task_id: i64, named_step_id: i32) -> WorkflowStepRow {
        WorkflowStepRow {
            task_id,
            named_step_id,
            retryable: true,
            retry_limit: Some(3),
            in_process: false,
            processed: false,
            processed_at: None,
            attempts: Some(0),
            last_attempted_at: None,
            backoff_request_seconds: None,
            inputs: None,
            results: Some(json!({})),
            skippable: false,
            created_at: self.now,
            updated_at: self.now,
        }
    }
}

impl StepBuilder<'_> {
    /// Of this task.
    #[must_use]
    pub fn of(mut self, task_id: i64) -> Self {
        self.task_id = Some(task_id);
        self
    }

    /// Of this step type.
    #[must_use]
    pub fn named_step(mut self, named_step_id: i32) -> Self {
        self.named_step_id = Some(named_step_id);
        self
    }

    /// Of the step type of this name and system.
    #[must_use]
    pub fn named(mut self, name: &'static str, system: &'static str) -> Self {
        self.named_step = Some((name, system));
        self
    }

    /// With these values changed; task and type are what the other methods say.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut WorkflowStepRow)) -> Self {
        change(&mut self.row);
        self
    }

    /// With this history.
    #[must_use]
    pub fn moved(mut self, moves: &[StepMove]) -> Self {
        self.moves = moves.to_vec();
        self
    }

    /// Begun.
    #[must_use]
    pub fn in_progress(self) -> Self {
        let now = self.factory.now;
        self.moved(&[StepMove::Initial, StepMove::Start]).with(|row| {
            row.in_process = true;
            row.attempts = Some(1);
            row.last_attempted_at = Some(now);
        })
    }

    /// Ended well.
    #[must_use]
    pub fn complete(self) -> Self {
        let now = self.factory.now;
        self.moved(&StepMove::COMPLETED).with(|row| {
            row.processed = true;
            row.processed_at = Some(now);
            row.results = Some(json!({"success": true, "message": "done"}));
        })
    }

    /// Failed.
    #[must_use]
    pub fn error(self) -> Self {
        let now = self.factory.now;
        self.moved(&StepMove::FAILED).with(|row| {
            row.attempts = Some(1);
            row.last_attempted_at = Some(now);
            row.results = Some(json!({"error": "it did not work", "message": "failed"}));
        })
    }

    /// Called off before it began.
    #[must_use]
    pub fn cancelled(self) -> Self {
        self.moved(&[StepMove::Initial, StepMove::Cancel])
    }

    /// Failed, then settled by a person.
    #[must_use]
    pub fn resolved_manually(self) -> Self {
        let now = self.factory.now;
        let moves = [StepMove::Initial, StepMove::Start, StepMove::Error, StepMove::ManualResolution];
        self.moved(&moves).with(|row| {
            row.processed = true;
            row.processed_at = Some(now);
            row.results = Some(json!({"resolved": true, "reason": "settled by hand"}));
        })
    }

    /// May not be tried again.
    #[must_use]
    pub fn non_retryable(self) -> Self {
        self.with(|row| {
            row.retryable = false;
            row.retry_limit = Some(0);
        })
    }

    /// Ten attempts in all.
    #[must_use]
    pub fn high_retry_limit(self) -> Self {
        self.with(|row| row.retry_limit = Some(10))
    }

    /// May be bypassed.
    #[must_use]
    pub fn skippable(self) -> Self {
        self.with(|row| row.skippable = true)
    }

    /// Asked to wait 30 seconds from now.
    #[must_use]
    pub fn with_backoff(self) -> Self {
        let now = self.factory.now;
        self.with(|row| {
            row.backoff_request_seconds = Some(30);
            row.last_attempted_at = Some(now);
        })
    }

    /// Failed with all of its three attempts used up.
    #[must_use]
    pub fn max_retries_reached(self) -> Self {
        self.error().moved(&StepMove::FAILED_THREE_TIMES).with(|row| {
            row.attempts = Some(3);
            row.results = Some(json!({"error": "it did not work", "message": "all attempts used up"}));
        })
    }

    /// With what an API answers.
    #[must_use]
    pub fn with_api_results(self) -> Self {
        self.results(json!({"status": 200, "body": {"id": 1}, "headers": {"content-type": "application/json"}}))
    }

    /// With what a computation leaves.
    #[must_use]
    pub fn with_processing_results(self) -> Self {
        self.results(json!({"processed_items": 5, "duration_ms": 150}))
    }

    /// With what a check leaves.
    #[must_use]
    pub fn with_validation_results(self) -> Self {
        self.results(json!({"valid": true, "errors": [], "warnings": []}))
    }

    /// Ended well at the first attempt, with what an API answered.
    #[must_use]
    pub fn successful_api_call(self) -> Self {
        self.complete().with_api_results().with(|row| row.attempts = Some(1))
    }

    /// Failed half a minute ago for the second time of three, and asked to wait 60 seconds.
    #[must_use]
    pub fn failed_with_retry(self) -> Self {
        let attempted_at = self.factory.now - TimeDelta::seconds(30);
        self.error().with(|row| {
            row.attempts = Some(2);
            row.last_attempted_at = Some(attempted_at);
            row.results = Some(json!({"error": "it did not work", "retry_after": 60}));
        })
    }

    /// Ended well at the second attempt.
    #[must_use]
    pub fn completed_after_retry(self) -> Self {
        self.complete().moved(&StepMove::RETRIED).with(|row| {
            row.attempts = Some(2);
            row.results = Some(json!({"success": true, "attempts": 2}));
        })
    }

    /// With these results.
    #[must_use]
    pub fn results(self, results: Value) -> Self {
        self.with(|row| row.results = Some(results))
    }

    /// Writes it, its task and type where none were given, and its history.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<WorkflowStepRow>, sqlx::Error> {
        Ok(self.create_with_history().await?.0)
    }

    /// As [`create`](Self::create); gives the history, too.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create_with_history(self) -> Result<StepWithHistory, sqlx::Error> {
        let factory = self.factory;
        let mut row = self.row;
        row.task_id = match self.task_id {
            Some(id) => id,
            None => {
                let task = factory.task().create().await?;
                row.inputs = row.inputs.or(task.row.context);
                task.id
            }
        };
        row.named_step_id = match (self.named_step_id, self.named_step) {
            (Some(id), _) => id,
            (None, Some((name, system))) => factory.named_step().named(name, system).create().await?.small_id(),
            (None, None) => factory.named_step().create().await?.small_id(),
        };
        let (begun, ended) = (row.created_at, row.last_attempted_at.unwrap_or(factory.now));
        let step = factory.insert(row).await?;
        let history = factory.insert_all(step_rows(step.id, &self.moves, begun.min(ended), ended)).await?;
        Ok((step, history))
    }
}
