//! The steps that a template asks for.

use std::collections::{HashMap, HashSet};

use sea_query::LockType;
use sqlx::PgConnection;
use tasker_domain::template::{StepTemplate, Template};

use super::{NewWorkflowStep, WorkflowStep};
use crate::models::named_tasks_named_step::{NamedTasksNamedStep, StepDefaults};
use crate::models::{
    Model, ModelError, NamedStep, NamedTask, NewWorkflowStepEdge, Session, Task, WorkflowStepEdge, record, statement,
};

impl WorkflowStep {
    /// The steps of a task by its template, in the template's order: those that are not there are stored, together with
    /// their types, the task type's defaults and the edges `provides` between them, in one transaction. Asking again
    /// stores nothing (B-MOD-076, B-MOD-077, B-MOD-086…089), also where several ask at once. Defaults that stand for the
    /// task type already are neither changed nor read, as in Rails: a step takes its own from the template (B-MOD-035).
    ///
    /// The template was checked as a whole, so that a dependency that is not there, or a cycle,
    /// cannot occur. For the tasks that this engine runs, its own requests make the steps, with far fewer
    /// statements.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a step that breaks a rule, [`ModelError::NotFound`] for a task that was deleted, and
    /// what the database says. Nothing is stored then.
    pub async fn for_template<'c>(
        task: &Task,
        template: &Template,
        session: impl Into<Session<'c>>,
    ) -> Result<Vec<Self>, ModelError> {
        let templates = &template.steps;
        let mut connection = session.into().acquire().await?;
        let mut transaction = connection.begin().await?;
        lock(&mut transaction, task).await?;
        let named_task: NamedTask = record::find(&mut transaction, task.named_task_id.into()).await?;
        let present = Self::scope().for_task(task.task_id).order(Self::WORKFLOW_STEP_ID.asc());
        let mut present_by_type: HashMap<i32, Self> = HashMap::new();
        for step in present.rows(&mut transaction).await? {
            present_by_type.entry(step.named_step_id).or_insert(step);
        }
        let mut steps = Vec::with_capacity(templates.len());
        for template in templates {
            let named_step = NamedStep::of_names(&template.dependent_system, &template.name, &mut transaction).await?;
            NamedTasksNamedStep::associated(
                &named_task,
                &template.dependent_system,
                &template.name,
                defaults(template),
                &mut transaction,
            )
            .await?;
            let step = match present_by_type.remove(&named_step.named_step_id) {
                Some(step) => step,
                None => stored(task, &named_step, template, &mut transaction).await?,
            };
            steps.push(step);
        }
        connect(&steps, templates, &mut transaction).await?;
        transaction.commit().await?;
        Ok(steps)
    }
}

/// Whoever else makes steps of this task waits. Rows of steps are not waited for while this is held, so the order of
/// locks that all keep is not turned around.
async fn lock(connection: &mut PgConnection, task: &Task) -> Result<(), ModelError> {
    let mut select = Task::scope().with_keys([task.task_id]).select_only(Task::TASK_ID.expr());
    select.lock(LockType::NoKeyUpdate);
    let locked = statement::optional(connection, statement::built(&select)).await?;
    locked.map(|_| ()).ok_or_else(|| record::not_found::<Task>(task.key()))
}

fn defaults(template: &StepTemplate) -> StepDefaults {
    StepDefaults {
        default_retry_limit: retry_limit(template),
        default_retryable: template.retryable,
        skippable: template.skippable,
    }
}

/// More attempts than the column can count are as good as the most that it can.
fn retry_limit(template: &StepTemplate) -> i32 {
    i32::try_from(template.retry_limit).unwrap_or(i32::MAX)
}

async fn stored(
    task: &Task,
    named_step: &NamedStep,
    template: &StepTemplate,
    connection: &mut PgConnection,
) -> Result<WorkflowStep, ModelError> {
    let new = NewWorkflowStep {
        retryable: template.retryable,
        retry_limit: Some(retry_limit(template)),
        skippable: template.skippable,
        ..NewWorkflowStep::of(task, named_step)
    };
    let (row, stamps) = new.unsaved();
    record::create(connection, &row, &stamps).await
}

/// Stores the edges that are not there. Several dependencies on one step make one edge (B-MOD-089).
async fn connect(
    steps: &[WorkflowStep],
    templates: &[StepTemplate],
    connection: &mut PgConnection,
) -> Result<(), ModelError> {
    let incoming = WorkflowStep::INCOMING_EDGES.load(steps, &mut *connection).await?;
    let mut present: HashSet<(i64, i64)> =
        incoming.values().flatten().map(|edge| (edge.from_step_id, edge.to_step_id)).collect();
    for (step, template) in steps.iter().zip(templates) {
        for parent in template.parents.iter().map(|place| &steps[*place]) {
            if present.insert((parent.workflow_step_id, step.workflow_step_id)) {
                WorkflowStepEdge::create(NewWorkflowStepEdge::provides(parent, step), &mut *connection).await?;
            }
        }
    }
    Ok(())
}
