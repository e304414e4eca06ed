//! The view of each step's neighbours.

use sea_query::ExprTrait;

use super::model::model;
use super::scope::Scope;
use super::{JsonText, ModelError, Session, WorkflowStep, record, workflow_step_edge};

model! {
    /// A row of the view `tasker_step_dag_relationships`: a step's parents and children. It can only be read
    /// (B-MOD-118).
    ///
    /// Depths are computed for every step of the database whatever is asked for, so reading the view costs time that
    /// grows with all tasks (in an adopted database even with the number of paths through them).
    pub struct StepDagRelationship in "tasker_step_dag_relationships" by workflow_step_id {
        /// The step.
        workflow_step_id: i64 => WORKFLOW_STEP_ID,
        /// Its task.
        task_id: i64 => TASK_ID,
        /// Its type.
        named_step_id: i32 => NAMED_STEP_ID,
        /// Ids of the steps it depends on, ascending, each once per edge: a list, never missing (B-MOD-116).
        parent_step_ids: Option<JsonText> => PARENT_STEP_IDS,
        /// Ids of the steps that depend on it, ascending, each once per edge: a list, never missing (B-MOD-116).
        child_step_ids: Option<JsonText> => CHILD_STEP_IDS,
        /// How many edges lead to it.
        parent_count: Option<i64> => PARENT_COUNT,
        /// How many edges lead away from it.
        child_count: Option<i64> => CHILD_COUNT,
        /// Whether no edge leads to it.
        is_root_step: Option<bool> => IS_ROOT_STEP,
        /// Whether no edge leads away from it.
        is_leaf_step: Option<bool> => IS_LEAF_STEP,
        /// Length of the shortest path from a step without parents; nothing beyond 50 and within cycles (B-MOD-117).
        min_depth_from_root: Option<i32> => MIN_DEPTH_FROM_ROOT,
    }
}

impl StepDagRelationship {
    /// The row of this step.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] and what the database says.
    pub async fn find<'c>(step_id: i64, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire().await?;
        record::find(&mut connection, step_id).await
    }

    /// Whether it depends on nothing.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.is_root_step == Some(true)
    }

    /// Whether nothing depends on it.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.is_leaf_step == Some(true)
    }

    /// Whether it depends on a step.
    #[must_use]
    pub fn has_parents(&self) -> bool {
        self.parent_count.is_some_and(|count| count > 0)
    }

    /// Whether a step depends on it.
    #[must_use]
    pub fn has_children(&self) -> bool {
        self.child_count.is_some_and(|count| count > 0)
    }

    /// Ids of the steps it depends on.
    #[must_use]
    pub fn parent_ids(&self) -> Vec<i64> {
        ids(self.parent_step_ids.as_ref())
    }

    /// Ids of the steps that depend on it.
    #[must_use]
    pub fn child_ids(&self) -> Vec<i64> {
        ids(self.child_step_ids.as_ref())
    }
}

fn ids(list: Option<&JsonText>) -> Vec<i64> {
    list.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default()
}

/// B-SCP-019.
impl Scope<StepDagRelationship> {
    /// Rows of this task's steps.
    #[must_use]
    pub fn for_task(self, task_id: i64) -> Self {
        self.filter(StepDagRelationship::TASK_ID.eq(task_id))
    }

    /// Steps that depend on nothing.
    #[must_use]
    pub fn root_steps(self) -> Self {
        self.filter(StepDagRelationship::IS_ROOT_STEP.eq(true))
    }

    /// Steps that nothing depends on.
    #[must_use]
    pub fn leaf_steps(self) -> Self {
        self.filter(StepDagRelationship::IS_LEAF_STEP.eq(true))
    }

    /// Steps that depend on others.
    #[must_use]
    pub fn with_parents(self) -> Self {
        self.filter(StepDagRelationship::PARENT_COUNT.gt(0))
    }

    /// Steps that others depend on.
    #[must_use]
    pub fn with_children(self) -> Self {
        self.filter(StepDagRelationship::CHILD_COUNT.gt(0))
    }

    /// The siblings of this step: see [`super::WorkflowStepEdge::siblings_of`].
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for a step that is not there, and what the database says.
    pub async fn siblings_of<'c>(self, step_id: i64, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire().await?;
        record::find::<WorkflowStep>(&mut connection, step_id).await?;
        let id = StepDagRelationship::WORKFLOW_STEP_ID.expr();
        Ok(self.holding(id.in_subquery(workflow_step_edge::siblings(step_id))))
    }
}
