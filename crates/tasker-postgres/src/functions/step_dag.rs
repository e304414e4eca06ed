//! The view `tasker_step_dag_relationships`: the neighbours of each step.

use serde::Serialize;
use sqlx::{FromRow, PgExecutor};

use super::FunctionError;

/// A step, its neighbours, and its distance from the nearest root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct StepDag {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Id of its named step.
    pub named_step_id: i32,
    /// Ids of the steps it waits for, ascending, one for each edge.
    #[sqlx(json)]
    pub parent_step_ids: Vec<i64>,
    /// Ids of the steps that wait for it, ascending, one for each edge.
    #[sqlx(json)]
    pub child_step_ids: Vec<i64>,
    /// Number of edges into it.
    pub parent_count: i64,
    /// Number of edges out of it.
    pub child_count: i64,
    /// It waits for none.
    pub is_root_step: bool,
    /// None waits for it.
    pub is_leaf_step: bool,
    /// Edges on the shortest way from a root; nothing above 50, and where no root leads.
    pub min_depth_from_root: Option<i32>,
}

impl StepDag {
    /// The steps of a task, by id.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn for_task(executor: impl PgExecutor<'_>, task_id: i64) -> Result<Vec<Self>, FunctionError> {
        Ok(sqlx::query_as(include_str!("../../sql/functions/step_dag_of_task.sql"))
            .bind(task_id)
            .fetch_all(executor)
            .await?)
    }

    /// One step; nothing for an unknown id.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn for_step(executor: impl PgExecutor<'_>, workflow_step_id: i64) -> Result<Option<Self>, FunctionError> {
        Ok(sqlx::query_as(include_str!("../../sql/functions/step_dag_of_step.sql"))
            .bind(workflow_step_id)
            .fetch_optional(executor)
            .await?)
    }
}
