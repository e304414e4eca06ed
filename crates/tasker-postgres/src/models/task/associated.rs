//! Tasks with everything that belongs to them, in a number of statements that does not grow with their number.

use std::collections::HashMap;

use super::Task;
use crate::models::scope::Scope;
use crate::models::{
    AnnotationType, Model, ModelError, NamedStep, NamedTask, Session, TaskAnnotation, TaskNamespace, TaskTransition,
    WorkflowStep, WorkflowStepEdge,
};

/// A step with its name and its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociatedStep {
    /// The step.
    pub step: WorkflowStep,
    /// Its type, which has its name.
    pub named_step: NamedStep,
    /// Ids of the steps it depends on, ascending, each once per edge.
    pub parents: Vec<i64>,
    /// Ids of the steps that depend on it, ascending, each once per edge.
    pub children: Vec<i64>,
}

/// A task with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociatedTask {
    /// The task.
    pub task: Task,
    /// Its type.
    pub named_task: NamedTask,
    /// The namespace of its type.
    pub namespace: TaskNamespace,
    /// Its steps by id.
    pub steps: Vec<AssociatedStep>,
    /// Its annotations by id, each with its kind.
    pub annotations: Vec<(TaskAnnotation, AnnotationType)>,
    /// Its transitions by id.
    pub transitions: Vec<TaskTransition>,
}

impl Scope<Task> {
    /// The tasks with type, namespace, steps with their names and neighbours, annotations and transitions: the original's
    /// `with_all_associated` (B-SCP-009). Ten statements, however many tasks there are.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for a row that another one refers to and that was deleted in between, and what the
    /// database says.
    pub async fn fetch_with_all_associated<'c>(
        &self,
        session: impl Into<Session<'c>>,
    ) -> Result<Vec<AssociatedTask>, ModelError> {
        let mut held = session.into().acquire().await?;
        let connection = &mut *held;
        let tasks = self.fetch(&mut *connection).await?;
        let types = Task::NAMED_TASK.load(&tasks, &mut *connection).await?;
        let namespaces = NamedTask::TASK_NAMESPACE.load(types.values(), &mut *connection).await?;
        let mut steps = Task::WORKFLOW_STEPS.load(&tasks, &mut *connection).await?;
        let all_steps = || steps.values().flatten();
        let step_types = WorkflowStep::NAMED_STEP.load(all_steps(), &mut *connection).await?;
        let incoming = WorkflowStep::INCOMING_EDGES.load(all_steps(), &mut *connection).await?;
        let outgoing = WorkflowStep::OUTGOING_EDGES.load(all_steps(), &mut *connection).await?;
        let mut annotations = Task::TASK_ANNOTATIONS.load(&tasks, &mut *connection).await?;
        let kinds = TaskAnnotation::ANNOTATION_TYPE.load(annotations.values().flatten(), &mut *connection).await?;
        let mut transitions = Task::TASK_TRANSITIONS.load(&tasks, &mut *connection).await?;

        let mut associated = Vec::with_capacity(tasks.len());
        for task in tasks {
            let key = task.task_id;
            let named_task = there(&types, Task::NAMED_TASK.key(&task))?;
            let namespace = there(&namespaces, NamedTask::TASK_NAMESPACE.key(&named_task))?;
            let mut own_steps = Vec::new();
            for step in steps.remove(&key).unwrap_or_default() {
                own_steps.push(AssociatedStep {
                    named_step: there(&step_types, WorkflowStep::NAMED_STEP.key(&step))?,
                    parents: ends(&incoming, step.workflow_step_id, |edge| edge.from_step_id),
                    children: ends(&outgoing, step.workflow_step_id, |edge| edge.to_step_id),
                    step,
                });
            }
            let mut own_annotations = Vec::new();
            for annotation in annotations.remove(&key).unwrap_or_default() {
                let kind = there(&kinds, TaskAnnotation::ANNOTATION_TYPE.key(&annotation))?;
                own_annotations.push((annotation, kind));
            }
            associated.push(AssociatedTask {
                task,
                named_task,
                namespace,
                steps: own_steps,
                annotations: own_annotations,
                transitions: transitions.remove(&key).unwrap_or_default(),
            });
        }
        Ok(associated)
    }
}

fn there<M: Model>(rows: &HashMap<i64, M>, key: i64) -> Result<M, ModelError> {
    rows.get(&key).cloned().ok_or_else(|| crate::models::record::not_found::<M>(key))
}

fn ends(edges: &HashMap<i64, Vec<WorkflowStepEdge>>, step: i64, end: fn(&WorkflowStepEdge) -> i64) -> Vec<i64> {
    let mut ids: Vec<i64> = edges.get(&step).into_iter().flatten().map(end).collect();
    ids.sort_unstable();
    ids
}
