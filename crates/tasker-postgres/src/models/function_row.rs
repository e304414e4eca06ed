//! From rows that functions and the view give to the rows of the record.

use std::collections::HashMap;

use super::{Model, ModelError, Session, StepDagRelationship, StepReadinessStatus, Task, WorkflowStep, record};
use crate::functions::{DependencyLevel, SlowestStep, SlowestTask, StepDag, StepReadiness, TaskExecutionContext};

/// A row that is about a step.
pub trait OfStep: Sync {
    /// Id of the step.
    fn step_id(&self) -> i64;

    /// The step. For many rows, [`WorkflowStep::of_rows`] reads all at once.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for one that was deleted, and what the database says.
    fn workflow_step<'c>(
        &self,
        session: impl Into<Session<'c>> + Send,
    ) -> impl Future<Output = Result<WorkflowStep, ModelError>> + Send {
        find(self.step_id(), session.into())
    }
}

/// A row that is about a task or a step of it.
pub trait OfTask: Sync {
    /// Id of the task.
    fn task_id(&self) -> i64;

    /// The task. For many rows, [`Task::of_rows`] reads all at once.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for one that was deleted, and what the database says.
    fn task<'c>(
        &self,
        session: impl Into<Session<'c>> + Send,
    ) -> impl Future<Output = Result<Task, ModelError>> + Send {
        find(self.task_id(), session.into())
    }
}

async fn find<M: Model>(key: i64, session: Session<'_>) -> Result<M, ModelError> {
    record::find(&mut *session.acquire().await?, key).await
}

macro_rules! about {
    ($trait:ident::$method:ident by $field:ident: $($row:ty),+) => {
        $(impl $trait for $row {
            fn $method(&self) -> i64 {
                self.$field
            }
        })+
    };
}

about!(OfStep::step_id by workflow_step_id:
    StepReadiness, StepReadinessStatus, StepDag, StepDagRelationship, DependencyLevel, SlowestStep);
about!(OfTask::task_id by task_id:
    StepReadiness, StepDag, StepDagRelationship, TaskExecutionContext, SlowestStep, SlowestTask);

impl WorkflowStep {
    /// The steps that rows are about, by their ids, in one statement. A step that was deleted is not in the map.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_rows<'c, R: OfStep>(
        rows: &[R],
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, Self>, ModelError> {
        of_keys(rows.iter().map(OfStep::step_id).collect(), session.into()).await
    }
}

impl Task {
    /// The tasks that rows are about, by their ids, in one statement. A task that was deleted is not in the map.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_rows<'c, R: OfTask>(
        rows: &[R],
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, Self>, ModelError> {
        of_keys(rows.iter().map(OfTask::task_id).collect(), session.into()).await
    }

    /// How far the task is, what should be done about it, and what follows from that
    /// ([`TaskExecutionContext::workflow_summary`]).
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for a task that was deleted, and what the database says.
    pub async fn execution_context<'c>(
        &self,
        session: impl Into<Session<'c>>,
    ) -> Result<TaskExecutionContext, ModelError> {
        let mut connection = session.into().acquire().await?;
        let context = TaskExecutionContext::find(&mut *connection, self.task_id).await?;
        context.ok_or_else(|| record::not_found::<Self>(self.task_id))
    }

    /// The same for many tasks, by their ids, in one statement.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execution_contexts<'c>(
        tasks: impl IntoIterator<Item = &Self>,
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, TaskExecutionContext>, ModelError> {
        let ids: Vec<i64> = tasks.into_iter().map(Model::key).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = session.into().acquire().await?;
        let contexts = TaskExecutionContext::for_tasks(&mut *connection, &ids).await?;
        Ok(contexts.into_iter().map(|context| (context.task_id, context)).collect())
    }
}

async fn of_keys<M: Model>(mut keys: Vec<i64>, session: Session<'_>) -> Result<HashMap<i64, M>, ModelError> {
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = M::all().with_keys(keys).rows(&mut *session.acquire().await?).await?;
    Ok(rows.into_iter().map(|row| (row.key(), row)).collect())
}
