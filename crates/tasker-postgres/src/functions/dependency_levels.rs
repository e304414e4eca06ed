//! `calculate_dependency_levels`: how far each step stands from the roots, by the longest way.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::{FromRow, PgExecutor};

use super::FunctionError;

/// The level of one step: 0 for a root, else one more than its highest parent (B-SQL-059).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromRow)]
pub struct DependencyLevel {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Its level.
    pub dependency_level: i32,
}

/// The levels of a task's steps, by level and id. Steps that no root of the same task leads to are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DependencyLevels {
    /// The steps.
    pub steps: Vec<DependencyLevel>,
}

impl DependencyLevels {
    /// Of a task; empty for an unknown one.
    ///
    /// # Errors
    /// [`FunctionError`]; a cycle behind a root is one of ours only, the original never ends on it.
    pub async fn for_task(executor: impl PgExecutor<'_>, task_id: i64) -> Result<Self, FunctionError> {
        let steps = sqlx::query_as(include_str!("../../sql/functions/dependency_levels.sql"))
            .bind(task_id)
            .fetch_all(executor)
            .await?;
        Ok(Self { steps })
    }

    /// Level by id of step.
    pub fn by_step(&self) -> BTreeMap<i64, i32> {
        self.steps.iter().map(|step| (step.workflow_step_id, step.dependency_level)).collect()
    }

    /// The highest level; 0 without steps.
    pub fn max_level(&self) -> i32 {
        self.steps.iter().map(|step| step.dependency_level).max().unwrap_or(0)
    }

    /// Ids of the steps of one level.
    pub fn steps_at(&self, level: i32) -> Vec<i64> {
        self.steps.iter().filter(|step| step.dependency_level == level).map(|step| step.workflow_step_id).collect()
    }

    /// Ids of the steps without a parent.
    pub fn roots(&self) -> Vec<i64> {
        self.steps_at(0)
    }
}
