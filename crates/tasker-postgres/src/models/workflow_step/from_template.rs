//! The steps that a template asks for.

use std::collections::{HashMap, HashSet};

use sea_query::LockType;
use sqlx::{PgConnection, Row};
use tasker_domain::graph::Graph;
use tasker_domain::template::{StepTemplate, Template};

use super::WorkflowStep;
use crate::models::validation::{BASE, ValidationErrors};
use crate::models::{
    DependentSystem, JsonText, Model, ModelError, NamedStep, Session, Task, WorkflowStepEdge, record, statement,
};

impl WorkflowStep {
    /// The steps of a task by its template, in the template's order: those that are not there are stored, together with
    /// their types, the task type's defaults and the edges `provides` between them, in one transaction and in a number of
    /// statements that does not grow with the number of steps. Asking again stores nothing (B-MOD-076, B-MOD-077,
    /// B-MOD-086…089), also where several ask at once. Defaults that stand for the
    /// task type already are neither changed nor read, as in Rails: a step takes its own from the template (B-MOD-035).
    ///
    /// The template was checked as a whole, so that a dependency that is not there cannot occur. The side tables of
    /// the engine are left alone: for the tasks that this engine runs, its own requests make the steps.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a step that breaks a rule, [`ModelError::Cycle`] where an edge that was there already
    /// and one of the template's close a cycle, [`ModelError::NotFound`] for a task that was deleted, and what the
    /// database says. Nothing is stored then.
    pub async fn for_template<'c>(
        task: &Task,
        template: &Template,
        session: impl Into<Session<'c>>,
    ) -> Result<Vec<Self>, ModelError> {
        let templates = &template.steps;
        check_names(templates)?;
        let mut connection = session.into().acquire_primary().await?;
        let mut transaction = connection.begin().await?;
        lock(&mut transaction, task).await?;
        let types = types(templates, &mut transaction).await?;
        store_defaults(task, templates, &types, &mut transaction).await?;
        let present = of_types(task, &mut transaction).await?;
        let missing: Vec<usize> = (0..types.len()).filter(|place| !present.contains_key(&types[*place])).collect();
        let steps = if missing.is_empty() {
            present
        } else {
            check_present_names(&present, templates, &missing, &mut transaction).await?;
            store_steps(task, templates, &types, &missing, &mut transaction).await?;
            of_types(task, &mut transaction).await?
        };
        let mut ordered = Vec::with_capacity(types.len());
        for named_step_id in &types {
            let step = steps.get(named_step_id).cloned();
            ordered.push(step.ok_or_else(|| record::not_found::<NamedStep>((*named_step_id).into()))?);
        }
        connect(&ordered, templates, &mut transaction).await?;
        transaction.commit().await?;
        Ok(ordered)
    }
}

/// What `find_or_create` of systems and step types would say of these names.
fn check_names(templates: &[StepTemplate]) -> Result<(), ModelError> {
    let mut errors = ValidationErrors::default();
    for template in templates {
        for (name, maximum) in
            [(&template.dependent_system, DependentSystem::LONGEST_NAME), (&template.name, NamedStep::LONGEST_NAME)]
        {
            errors.present("name", name);
            errors.text("name", name, Some(maximum));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ModelError::Invalid(errors)) }
}

/// The keys of the templates' types, in their order; types and systems that are not there are stored.
async fn types(templates: &[StepTemplate], connection: &mut PgConnection) -> Result<Vec<i32>, ModelError> {
    let systems: Vec<&str> = templates.iter().map(|template| template.dependent_system.as_str()).collect();
    let names: Vec<&str> = templates.iter().map(|template| template.name.as_str()).collect();
    sqlx::query(include_str!("../../../sql/models/store_systems.sql")).bind(&systems).execute(&mut *connection).await?;
    sqlx::query(include_str!("../../../sql/models/store_named_steps.sql"))
        .bind(&systems)
        .bind(&names)
        .execute(&mut *connection)
        .await?;
    let rows = sqlx::query(include_str!("../../../sql/models/named_steps.sql"))
        .bind(&systems)
        .bind(&names)
        .fetch_all(&mut *connection)
        .await?;
    if rows.len() != templates.len() {
        // A rival deleted one between the two statements.
        return Err(ModelError::NotFound { model: NamedStep::MODEL, key: "that was there a moment ago".to_owned() });
    }
    rows.iter().map(|row| Ok(row.try_get("named_step_id")?)).collect()
}

/// What the steps at these places of a template take from it, as the columns of a statement.
struct Columns {
    types: Vec<i32>,
    limits: Vec<i32>,
    retryable: Vec<bool>,
    skippable: Vec<bool>,
}

impl Columns {
    fn of(templates: &[StepTemplate], types: &[i32], places: impl Iterator<Item = usize> + Clone) -> Self {
        Self {
            types: places.clone().map(|place| types[place]).collect(),
            limits: places.clone().map(|place| retry_limit(&templates[place])).collect(),
            retryable: places.clone().map(|place| templates[place].retryable).collect(),
            skippable: places.map(|place| templates[place].skippable).collect(),
        }
    }
}

async fn store_defaults(
    task: &Task,
    templates: &[StepTemplate],
    types: &[i32],
    connection: &mut PgConnection,
) -> Result<(), ModelError> {
    let columns = Columns::of(templates, types, 0..types.len());
    sqlx::query(include_str!("../../../sql/models/store_defaults.sql"))
        .bind(task.named_task_id)
        .bind(columns.types)
        .bind(columns.limits)
        .bind(columns.retryable)
        .bind(columns.skippable)
        .execute(connection)
        .await?;
    Ok(())
}

/// The task's steps by their types, of several of one type the first.
async fn of_types(task: &Task, connection: &mut PgConnection) -> Result<HashMap<i32, WorkflowStep>, ModelError> {
    let present = WorkflowStep::scope().for_task(task.task_id).order(WorkflowStep::WORKFLOW_STEP_ID.asc());
    let mut by_type = HashMap::new();
    for step in present.rows(connection).await? {
        by_type.entry(step.named_step_id).or_insert(step);
    }
    Ok(by_type)
}

/// A name may stand only once in a task, also where it belongs to two systems (B-MOD-086).
async fn check_present_names(
    present: &HashMap<i32, WorkflowStep>,
    templates: &[StepTemplate],
    missing: &[usize],
    connection: &mut PgConnection,
) -> Result<(), ModelError> {
    let types = WorkflowStep::NAMED_STEP.load(present.values(), connection).await?;
    let taken: HashSet<&str> = types.values().map(|kind| kind.name.as_str()).collect();
    let mut errors = ValidationErrors::default();
    for name in missing.iter().map(|place| templates[*place].name.as_str()).filter(|name| taken.contains(name)) {
        errors.rule(BASE, format!("Step name '{name}' must be unique within the same task"));
    }
    if errors.is_empty() { Ok(()) } else { Err(ModelError::Invalid(errors)) }
}

async fn store_steps(
    task: &Task,
    templates: &[StepTemplate],
    types: &[i32],
    missing: &[usize],
    connection: &mut PgConnection,
) -> Result<(), ModelError> {
    let columns = Columns::of(templates, types, missing.iter().copied());
    sqlx::query(include_str!("../../../sql/models/store_steps.sql"))
        .bind(task.task_id)
        .bind(columns.types)
        .bind(columns.limits)
        .bind(columns.retryable)
        .bind(columns.skippable)
        .bind(task.context.as_ref().map(JsonText::get))
        .execute(connection)
        .await?;
    Ok(())
}

/// Whoever else makes steps of this task waits. Rows of steps are not waited for while this is held, so the order of
/// locks that all keep is not turned around.
async fn lock(connection: &mut PgConnection, task: &Task) -> Result<(), ModelError> {
    let mut select = Task::scope().with_keys([task.task_id]).select_only(Task::TASK_ID.expr());
    select.lock(LockType::NoKeyUpdate);
    let locked = statement::optional(connection, statement::built(&select)).await?;
    locked.map(|_| ()).ok_or_else(|| record::not_found::<Task>(task.key()))
}

/// More attempts than the column can count are as good as the most that it can.
fn retry_limit(template: &StepTemplate) -> i32 {
    i32::try_from(template.retry_limit).unwrap_or(i32::MAX)
}

/// Stores the edges that are not there. Several dependencies on one step make one edge (B-MOD-089).
async fn connect(
    steps: &[WorkflowStep],
    templates: &[StepTemplate],
    connection: &mut PgConnection,
) -> Result<(), ModelError> {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let mut given = HashSet::new();
    for (step, template) in steps.iter().zip(templates) {
        for parent in template.parents.iter().map(|place| &steps[*place]) {
            if given.insert((parent.workflow_step_id, step.workflow_step_id)) {
                from.push(parent.workflow_step_id);
                to.push(step.workflow_step_id);
            }
        }
    }
    if from.is_empty() {
        return Ok(());
    }
    WorkflowStepEdge::lock_all(connection).await?;
    let stored = sqlx::query(include_str!("../../../sql/models/store_edges.sql"))
        .bind(&from)
        .bind(&to)
        .fetch_all(&mut *connection)
        .await?;
    let mut new = Vec::with_capacity(stored.len());
    for row in &stored {
        new.push((row.try_get("from_step_id")?, row.try_get("to_step_id")?));
    }
    if new.is_empty() { Ok(()) } else { check_cycles(&new, connection).await }
}

/// A cycle that a new edge is part of can be reached from its end. The template has none of its own, but edges that were
/// there before may lead back.
async fn check_cycles(new: &[(i64, i64)], connection: &mut PgConnection) -> Result<(), ModelError> {
    let ends: Vec<i64> = new.iter().map(|(_from, to)| *to).collect();
    let rows =
        sqlx::query(include_str!("../../../sql/models/edges_onward.sql")).bind(&ends).fetch_all(connection).await?;
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut edges = Vec::with_capacity(rows.len());
    for row in &rows {
        let (from, to): (i64, i64) = (row.try_get("from_step_id")?, row.try_get("to_step_id")?);
        let mut place = |step| {
            let next = places.len();
            *places.entry(step).or_insert(next)
        };
        edges.push((place(from), place(to)));
    }
    let Err(error) = Graph::new(places.len(), &edges) else { return Ok(()) };
    let tasker_domain::graph::GraphError::Cyclic(cycles) = error else {
        unreachable!("the graph was made of the nodes that its edges name")
    };
    let on_cycle =
        |step: &i64| places.get(step).is_some_and(|place| cycles.paths.iter().any(|path| path.contains(place)));
    // A cycle that others stored before is theirs.
    match new.iter().find(|(from, to)| on_cycle(from) && on_cycle(to)) {
        Some((from_step_id, to_step_id)) => {
            Err(ModelError::Cycle { from_step_id: *from_step_id, to_step_id: *to_step_id })
        }
        None => Ok(()),
    }
}
