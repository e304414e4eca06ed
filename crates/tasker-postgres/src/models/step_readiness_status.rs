//! What the readiness function says of a step, as the original's steps are asked.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::{ModelError, Session, WorkflowStep, statement};
use crate::functions::StepReadiness;

/// The readiness of a step at one instant: what the function said when it was asked, whatever happened since (B-MOD-091).
///
/// The original's step asks once and remembers until it is reloaded; this is what it remembers. For news, ask again. The
/// function is the original's, by its formulas; what the engine runs by is [`tasker_domain`]'s own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StepReadinessStatus {
    /// The step.
    pub workflow_step_id: i64,
    /// Its row; none for a step that was deleted (B-MOD-092).
    pub row: Option<StepReadiness>,
    /// When the database was asked, in UTC, by its clock.
    pub asked_at: NaiveDateTime,
}

impl StepReadinessStatus {
    fn holds(&self, predicate: impl FnOnce(&StepReadiness) -> bool) -> bool {
        self.row.as_ref().is_some_and(predicate)
    }

    fn in_state(&self, state: &str) -> bool {
        self.holds(|row| row.current_state == state)
    }

    /// Complete, or resolved by hand.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.in_state("complete") || self.in_state("resolved_manually")
    }

    /// In progress.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        self.in_state("in_progress")
    }

    /// Pending.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.in_state("pending")
    }

    /// In error.
    #[must_use]
    pub fn is_in_error(&self) -> bool {
        self.in_state("error")
    }

    /// Cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.in_state("cancelled")
    }

    /// Whether its state is one that a step can be started from, whatever else keeps it: any but in progress, complete,
    /// cancelled and resolved by hand. A step without a row counts as pending.
    #[must_use]
    pub fn is_in_ready_status(&self) -> bool {
        !(self.is_in_progress() || self.is_complete() || self.is_cancelled())
    }

    /// Whether it can run now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.holds(|row| row.ready_for_execution)
    }

    /// Whether all that it depends on is complete or resolved by hand.
    #[must_use]
    pub fn has_dependencies_satisfied(&self) -> bool {
        self.holds(|row| row.dependencies_satisfied)
    }

    /// Whether its attempts allow another one.
    #[must_use]
    pub fn is_retry_eligible(&self) -> bool {
        self.holds(|row| row.retry_eligible)
    }

    /// Whether it was attempted.
    #[must_use]
    pub fn has_retry_attempts(&self) -> bool {
        self.holds(|row| row.attempts > 0)
    }

    /// Whether its attempts are used up.
    #[must_use]
    pub fn is_retry_exhausted(&self) -> bool {
        self.holds(|row| row.attempts >= row.retry_limit)
    }

    /// Whether its next attempt had to wait when the database was asked.
    #[must_use]
    pub fn is_waiting_for_backoff(&self) -> bool {
        self.holds(|row| row.next_retry_at.is_some_and(|next| next > self.asked_at))
    }

    /// In error, with attempts left and no wait. Neither `retryable` nor dependencies count.
    #[must_use]
    pub fn can_retry_now(&self) -> bool {
        self.is_in_error() && self.is_retry_eligible() && !self.is_waiting_for_backoff()
    }

    /// Whether it depends on nothing; so does a step without a row.
    #[must_use]
    pub fn is_root_step(&self) -> bool {
        self.row.as_ref().is_none_or(|row| row.total_parents == 0)
    }
}

impl WorkflowStep {
    /// What the readiness function says of the step now. Its dependencies, attempts and wait are all in the answer.
    ///
    /// # Errors
    /// What the database says.
    pub async fn readiness<'c>(&self, session: impl Into<Session<'c>>) -> Result<StepReadinessStatus, ModelError> {
        let mut of_all = Self::readiness_of([self], session).await?;
        of_all.remove(&self.workflow_step_id).ok_or_else(|| super::record::not_found::<Self>(self.workflow_step_id))
    }

    /// What the readiness function says of many steps now, by their ids, whichever tasks they belong to: in two
    /// statements, however many there are, one of them for the database's clock. None for no steps.
    ///
    /// # Errors
    /// What the database says.
    pub async fn readiness_of<'c>(
        steps: impl IntoIterator<Item = &Self>,
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, StepReadinessStatus>, ModelError> {
        let steps: Vec<(i64, i64)> = steps.into_iter().map(|step| (step.workflow_step_id, step.task_id)).collect();
        if steps.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = session.into().acquire().await?;
        let asked_at = statement::now(&mut connection).await?;
        let mut rows: HashMap<i64, StepReadiness> = HashMap::new();
        for row in asked(&steps, &mut connection).await? {
            rows.insert(row.workflow_step_id, row);
        }
        let mut statuses = HashMap::with_capacity(steps.len());
        for (workflow_step_id, _task) in steps {
            let row = rows.remove(&workflow_step_id);
            statuses.entry(workflow_step_id).or_insert(StepReadinessStatus { workflow_step_id, row, asked_at });
        }
        Ok(statuses)
    }

    /// Those of the steps that can run now, by id (B-MOD-078…083): in one statement. A step of the list that was deleted is
    /// not among them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn viable<'c>(steps: &[Self], session: impl Into<Session<'c>>) -> Result<Vec<Self>, ModelError> {
        let keys: Vec<(i64, i64)> = steps.iter().map(|step| (step.workflow_step_id, step.task_id)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = session.into().acquire().await?;
        let rows = asked(&keys, &mut connection).await?;
        let ready: std::collections::HashSet<i64> =
            rows.iter().filter(|row| row.ready_for_execution).map(|row| row.workflow_step_id).collect();
        let mut viable: Vec<Self> =
            steps.iter().filter(|step| ready.contains(&step.workflow_step_id)).cloned().collect();
        viable.sort_by_key(|step| step.workflow_step_id);
        viable.dedup_by_key(|step| step.workflow_step_id);
        Ok(viable)
    }

    /// Whether nothing depends on it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_leaf_step<'c>(&self, session: impl Into<Session<'c>>) -> Result<bool, ModelError> {
        Ok(!Self::OUTGOING_EDGES.scope(self).exists(session).await?)
    }
}

/// The rows of these steps: of one task by its steps, of several by their tasks.
async fn asked(steps: &[(i64, i64)], connection: &mut PgConnection) -> Result<Vec<StepReadiness>, ModelError> {
    let mut tasks: Vec<i64> = steps.iter().map(|(_step, task)| *task).collect();
    tasks.sort_unstable();
    tasks.dedup();
    if let [task] = tasks[..] {
        let ids: Vec<i64> = steps.iter().map(|(step, _task)| *step).collect();
        return Ok(StepReadiness::for_steps(connection, task, &ids).await?);
    }
    Ok(StepReadiness::for_tasks(connection, &tasks).await?)
}
