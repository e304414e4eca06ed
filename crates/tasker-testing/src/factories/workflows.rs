//! Whole workflows: a task with its steps, edges and histories, in a number of statements that does not grow with it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasker_postgres::factories::{NamedStepRow, NamedTasksNamedStepRow, TaskRow, WorkflowStepEdgeRow, WorkflowStepRow};

use super::{
    Factory, Progress, Situation, Stored, TaskMove,
    histories::{step_rows, task_rows},
};
use crate::shapes::{Mixture, Pattern, WorkflowShape};

/// A task of a shape: untouched, of a type named like the shape, unless told otherwise.
#[derive(Debug)]
pub struct WorkflowBuilder<'f> {
    factory: &'f Factory,
    shape: WorkflowShape,
    namespace: String,
    situations: Vec<Situation>,
    task_moves: Vec<TaskMove>,
    task: TaskRow,
}

/// A workflow that stands in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// Its shape.
    pub shape: WorkflowShape,
    /// The task.
    pub task: Stored<TaskRow>,
    /// The steps, in the order of the shape.
    pub steps: Vec<Stored<WorkflowStepRow>>,
    /// The edges, in the order of the shape.
    pub edges: Vec<Stored<WorkflowStepEdgeRow>>,
}

/// Workflows of several patterns whose contexts name the same batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The name of the batch.
    pub batch_id: String,
    /// The workflows with their patterns.
    pub workflows: Vec<(Pattern, Workflow)>,
}

impl Factory {
    /// A task of this shape.
    pub fn workflow(&self, shape: WorkflowShape) -> WorkflowBuilder<'_> {
        let situations = vec![Situation::Untouched; shape.steps.len()];
        let task = self.task().into_row();
        WorkflowBuilder {
            factory: self,
            shape,
            namespace: "default".to_owned(),
            situations,
            task_moves: Vec::new(),
            task,
        }
    }

    /// The workflow that most of the original's suite works on.
    pub fn dummy_task_workflow(&self) -> WorkflowBuilder<'_> {
        self.workflow(WorkflowShape::dummy_task()).task_history(&[TaskMove::Initial]).with(|row| {
            row.initiator = Some("pete@test".to_owned());
            row.source_system = Some("test-system".to_owned());
            row.reason = Some("testing!".to_owned());
            row.tags = Some(json!(["dummy", "testing"]));
            row.context = Some(json!({"dummy": true, "test": true}));
        })
    }

    /// The checkout of a cart.
    pub fn api_integration_workflow(&self) -> WorkflowBuilder<'_> {
        self.workflow(WorkflowShape::api_integration())
            .with(|row| row.context = Some(json!({"cart_id": 123, "user_id": 456})))
    }

    /// Workflows of the mixture's patterns, all of one batch; each context has its index in it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn workflow_batch(&self, size: usize, mixture: Mixture) -> Result<Batch, sqlx::Error> {
        let batch_id = format!("batch_{}", self.entropy.uuid().simple());
        let mut workflows = Vec::with_capacity(size);
        for (pattern, count) in mixture.counts(size) {
            for _ in 0..count {
                let index = workflows.len();
                let context = json!({"workflow_type": pattern.as_str(), "batch_id": batch_id, "batch_index": index});
                let workflow = self.workflow(pattern.shape()).with(|row| row.context = Some(context)).create().await?;
                workflows.push((pattern, workflow));
            }
        }
        Ok(Batch { batch_id, workflows })
    }
}

impl WorkflowBuilder<'_> {
    /// Of a type in this namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// With these values of the task changed; its type follows from the shape.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut TaskRow)) -> Self {
        change(&mut self.task);
        self
    }

    /// About this.
    #[must_use]
    pub fn context(self, context: Value) -> Self {
        self.with(|row| row.context = Some(context))
    }

    /// This far. The task was then made two hours ago.
    #[must_use]
    pub fn progress(mut self, progress: Progress) -> Self {
        self.situations = progress.situations(&self.shape.graph());
        self.task_moves = progress.task_moves().to_vec();
        self.task.complete = progress == Progress::Complete;
        if progress != Progress::Untouched {
            self.task.created_at = self.factory.now - TimeDelta::hours(2);
        }
        self
    }

    /// With this having happened to a step.
    ///
    /// # Panics
    /// When the shape has no step of this name.
    #[must_use]
    pub fn step(mut self, name: &str, situation: Situation) -> Self {
        self.situations[self.shape.place(name)] = situation;
        self
    }

    /// With this history of the task.
    #[must_use]
    pub fn task_history(mut self, moves: &[TaskMove]) -> Self {
        self.task_moves = moves.to_vec();
        self
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Workflow, sqlx::Error> {
        let factory = self.factory;
        let now = factory.now;
        let named_task = factory.named_task().named(&self.shape.name).in_namespace(&self.namespace).create().await?;
        let named_steps = self.named_steps(named_task.small_id()).await?;

        let mut row = self.task;
        row.named_task_id = named_task.small_id();
        let begun = row.created_at;
        let task = factory.insert(row).await?;
        factory.insert_all(task_rows(task.id, &self.task_moves, begun, now)).await?;

        let steps = named_steps.iter().zip(&self.situations).map(|(named_step, situation)| {
            let mut step = factory.blank_step(task.id, named_step.small_id());
            step.created_at = begun;
            step.inputs.clone_from(&task.row.context);
            situation.leave(&mut step, now);
            step
        });
        let steps = factory.insert_all(steps.collect()).await?;
        let histories = steps.iter().zip(&self.situations).flat_map(|(step, situation)| {
            step_rows(step.id, situation.moves(), begun.min(situation.since(now)), situation.since(now))
        });
        factory.insert_all(histories.collect()).await?;

        let edges = self.shape.edges.iter().map(|&(from, to)| WorkflowStepEdgeRow {
            from_step_id: steps[from].id,
            to_step_id: steps[to].id,
            name: "provides".to_owned(),
            created_at: begun,
            updated_at: begun,
        });
        let edges = factory.insert_all(edges.collect()).await?;
        Ok(Workflow { shape: self.shape, task, steps, edges })
    }

    async fn named_steps(&self, named_task_id: i32) -> Result<Vec<Stored<NamedStepRow>>, sqlx::Error> {
        let factory = self.factory;
        let (created_at, updated_at) = (factory.now, factory.now);
        let system = factory.dependent_system().named("dummy-system").create().await?;
        let rows = self.shape.steps.iter().map(|step| NamedStepRow {
            dependent_system_id: system.small_id(),
            name: step.name.clone(),
            description: Some(format!("Step {}", step.name)),
            created_at,
            updated_at,
        });
        let named_steps = factory.insert_all(rows.collect()).await?;
        let joins = named_steps.iter().map(|named_step| NamedTasksNamedStepRow {
            named_task_id,
            named_step_id: named_step.small_id(),
            skippable: false,
            default_retryable: true,
            default_retry_limit: 3,
            created_at,
            updated_at,
        });
        factory.insert_all(joins.collect()).await?;
        Ok(named_steps)
    }
}

impl Workflow {
    /// The step of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn step(&self, name: &str) -> &Stored<WorkflowStepRow> {
        &self.steps[self.shape.place(name)]
    }
}

impl Batch {
    /// How many workflows are of this pattern.
    pub fn count(&self, pattern: Pattern) -> usize {
        self.workflows.iter().filter(|(found, _)| *found == pattern).count()
    }
}
