//! Steps of tasks.

pub(super) mod condition;
mod from_template;
mod scopes;

use std::collections::HashMap;

use chrono::NaiveDateTime;
use sea_query::{Expr, ExprTrait, LockType};
use sqlx::PgConnection;
use tasker_domain::state::StepState;

use super::association::{BelongsTo, HasMany};
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::scope::Scope;
use super::statement;
use super::validation::{BASE, Problem, ValidationErrors};
use super::{JsonText, Model, ModelError, NamedStep, Session, Task, WorkflowStepEdge, WorkflowStepTransition};

pub use scopes::CompletionStats;

model! {
    /// A step of a task (`tasker_workflow_steps`). Its state is in its transitions: see [`WorkflowStep::state`].
    pub struct WorkflowStep in "tasker_workflow_steps" by workflow_step_id {
        /// Primary key.
        workflow_step_id: i64 => WORKFLOW_STEP_ID,
        /// Its task.
        task_id: i64 => TASK_ID,
        /// Its type, which has its name.
        named_step_id: i32 => NAMED_STEP_ID,
        /// Whether it is tried again after a failure.
        retryable: bool => RETRYABLE,
        /// How many attempts it gets in all.
        retry_limit: Option<i32> => RETRY_LIMIT,
        /// Not used by the original, which only ever resets it.
        in_process: bool => IN_PROCESS,
        /// Whether it has ended well; goes together with the transition to `complete`.
        processed: bool => PROCESSED,
        /// When it ended well, in UTC.
        processed_at: Option<NaiveDateTime> => PROCESSED_AT,
        /// How many attempts have ended.
        attempts: Option<i32> => ATTEMPTS,
        /// When the last of them ended, in UTC.
        last_attempted_at: Option<NaiveDateTime> => LAST_ATTEMPTED_AT,
        /// How long to wait before the next attempt, in seconds from the last, where somebody asked for it.
        backoff_request_seconds: Option<i32> => BACKOFF_REQUEST_SECONDS,
        /// A copy of the task's context.
        inputs: Option<JsonText> => INPUTS,
        /// What it left, or what went wrong.
        results: Option<JsonText> => RESULTS,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
        /// Whether a request may bypass it.
        skippable: bool => SKIPPABLE,
    }
}

/// A step to store.
#[derive(Debug, Clone)]
pub struct NewWorkflowStep {
    /// Its task.
    pub task_id: i64,
    /// Its type.
    pub named_step_id: i32,
    /// Whether it is tried again after a failure.
    pub retryable: bool,
    /// How many attempts it gets in all.
    pub retry_limit: Option<i32>,
    /// Whether a request may bypass it.
    pub skippable: bool,
    /// Not used by the original.
    pub in_process: bool,
    /// Whether it has ended well.
    pub processed: bool,
    /// When it ended well, in UTC.
    pub processed_at: Option<NaiveDateTime>,
    /// How many attempts have ended.
    pub attempts: Option<i32>,
    /// When the last of them ended, in UTC.
    pub last_attempted_at: Option<NaiveDateTime>,
    /// How long to wait before the next attempt, in seconds from the last.
    pub backoff_request_seconds: Option<i32>,
    /// A copy of the task's context.
    pub inputs: Option<JsonText>,
    /// What it left.
    pub results: Option<JsonText>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewWorkflowStep {
    /// A fresh step of this type, as it is made from a template: the task's context as its inputs, no attempts, empty
    /// results (B-MOD-087).
    #[must_use]
    pub fn of(task: &Task, named_step: &NamedStep) -> Self {
        Self {
            task_id: task.task_id,
            named_step_id: named_step.named_step_id,
            retryable: true,
            retry_limit: Some(3),
            skippable: false,
            in_process: false,
            processed: false,
            processed_at: None,
            attempts: Some(0),
            last_attempted_at: None,
            backoff_request_seconds: None,
            inputs: task.context.clone(),
            results: Some(JsonText::empty_object()),
            created_at: None,
            updated_at: None,
        }
    }

    fn unsaved(self) -> (WorkflowStep, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = WorkflowStep {
            workflow_step_id: 0,
            task_id: self.task_id,
            named_step_id: self.named_step_id,
            retryable: self.retryable,
            retry_limit: self.retry_limit,
            in_process: self.in_process,
            processed: self.processed,
            processed_at: self.processed_at,
            attempts: self.attempts,
            last_attempted_at: self.last_attempted_at,
            backoff_request_seconds: self.backoff_request_seconds,
            inputs: self.inputs,
            results: self.results,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            skippable: self.skippable,
        };
        (row, stamps)
    }
}

/// B-MOD-086. No unique index stands behind the rule: two rivals can each store a step of one name.
impl Record for WorkflowStep {
    const RULES: &'static [Rule] = &[
        Rule::parent("workflow_steps_task_id_foreign", "task"),
        Rule::parent("workflow_steps_named_step_id_foreign", "named_step"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.json("inputs", self.inputs.as_ref());
        errors.json("results", self.results.as_ref());
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let task = Task::scope().with_keys([self.task_id]);
        let named_step = NamedStep::scope().with_keys([self.named_step_id.into()]);
        let siblings = Self::scope().for_task(self.task_id).except_key(self.workflow_step_id);
        let same_type = siblings.clone().filter(Self::NAMED_STEP_ID.eq(self.named_step_id));
        let same_name = siblings.holding_step_name_of(self.named_step_id);
        let questions = [task.existence(), named_step.existence(), same_type.existence(), same_name.existence()];
        let [task_there, type_there, same_type, same_name] = statement::ask(connection, questions).await?;
        if !task_there {
            errors.add("task", Problem::MustExist);
        }
        if !type_there {
            errors.add("named_step", Problem::MustExist);
        }
        if same_type {
            errors.rule("named_step_id", "must be unique within the same task");
        }
        if same_name {
            let name = record::find::<NamedStep>(connection, self.named_step_id.into()).await?.name;
            errors.rule(BASE, format!("Step name '{name}' must be unique within the same task"));
        }
        Ok(())
    }
}

record!(WorkflowStep from NewWorkflowStep);

impl WorkflowStep {
    /// Its task.
    pub const TASK: BelongsTo<Self, Task> = BelongsTo::new(Self::TASK_ID);
    /// Its type, which has its name.
    pub const NAMED_STEP: BelongsTo<Self, NamedStep> = BelongsTo::new(Self::NAMED_STEP_ID);
    /// The edges that lead to it.
    pub const INCOMING_EDGES: HasMany<Self, WorkflowStepEdge> = HasMany::new(WorkflowStepEdge::TO_STEP_ID);
    /// The edges that lead away from it.
    pub const OUTGOING_EDGES: HasMany<Self, WorkflowStepEdge> = HasMany::new(WorkflowStepEdge::FROM_STEP_ID);
    /// Its history.
    pub const WORKFLOW_STEP_TRANSITIONS: HasMany<Self, WorkflowStepTransition> =
        HasMany::new(WorkflowStepTransition::WORKFLOW_STEP_ID);

    /// Its name, that of its type.
    ///
    /// # Errors
    /// What the database says.
    pub async fn name<'c>(&self, session: impl Into<Session<'c>>) -> Result<String, ModelError> {
        Ok(Self::NAMED_STEP.of(self, session).await?.name)
    }

    /// Its state: that of its most recent transition, or pending without any or where that holds an empty word.
    ///
    /// # Errors
    /// [`ModelError::UnknownState`] for a word that another program wrote, and what the database says.
    pub async fn state<'c>(&self, session: impl Into<Session<'c>>) -> Result<StepState, ModelError> {
        let states = Self::states([self], session).await?;
        Ok(states.get(&self.workflow_step_id).copied().unwrap_or(StepState::Pending))
    }

    /// The states of many steps by their ids, in one statement.
    ///
    /// # Errors
    /// As [`WorkflowStep::state`].
    pub async fn states<'c>(
        steps: impl IntoIterator<Item = &Self>,
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, StepState>, ModelError> {
        let ids: Vec<i64> = steps.into_iter().map(Model::key).collect();
        let mut states: HashMap<i64, StepState> = ids.iter().map(|id| (*id, StepState::Pending)).collect();
        let current = Self::WORKFLOW_STEP_TRANSITIONS
            .of_keys(ids)
            .filter(WorkflowStepTransition::MOST_RECENT.eq(true))
            .order(WorkflowStepTransition::ID.desc());
        for transition in current.fetch(session).await? {
            if !transition.to_state.trim().is_empty() {
                states.insert(transition.workflow_step_id, transition.to_state.parse()?);
            }
        }
        Ok(states)
    }

    /// The steps that it depends on, by id, each once per edge between them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn parents<'c>(&self, session: impl Into<Session<'c>>) -> Result<Vec<Self>, ModelError> {
        let mut connection = session.into().acquire().await?;
        let edges = Self::INCOMING_EDGES.of(self, &mut *connection).await?;
        Self::at(edges.iter().map(|edge| edge.from_step_id).collect(), &mut connection).await
    }

    /// The steps that depend on it, by id, each once per edge between them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn children<'c>(&self, session: impl Into<Session<'c>>) -> Result<Vec<Self>, ModelError> {
        let mut connection = session.into().acquire().await?;
        let edges = Self::OUTGOING_EDGES.of(self, &mut *connection).await?;
        Self::at(edges.iter().map(|edge| edge.to_step_id).collect(), &mut connection).await
    }

    /// The steps of these ids, in ascending order, as often as each id is given.
    async fn at(mut ids: Vec<i64>, connection: &mut PgConnection) -> Result<Vec<Self>, ModelError> {
        ids.sort_unstable();
        let rows = Self::scope().with_keys(ids.clone()).rows(connection).await?;
        let steps: HashMap<i64, Self> = rows.into_iter().map(|step| (step.workflow_step_id, step)).collect();
        Ok(ids.iter().filter_map(|id| steps.get(id).cloned()).collect())
    }

    /// Stores an edge `provides` from this step to another (B-MOD-106).
    ///
    /// # Errors
    /// As [`WorkflowStepEdge::create`].
    pub async fn add_provides_edge<'c>(
        &self,
        to: &Self,
        session: impl Into<Session<'c>>,
    ) -> Result<WorkflowStepEdge, ModelError> {
        WorkflowStepEdge::create(super::NewWorkflowStepEdge::provides(self, to), session).await
    }

    /// Deletes the step with its edges, on both sides, and its transitions, in one transaction.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        let mut transaction = connection.begin().await?;
        let this = (Self::MODEL, self.workflow_step_id);
        delete_steps(&mut transaction, &Self::scope().with_keys([self.workflow_step_id]), this).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Deletes steps with what belongs to them. Their rows are locked first, by id, as everybody does.
pub(super) async fn delete_steps(
    transaction: &mut PgConnection,
    steps: &Scope<WorkflowStep>,
    parent: (&'static str, i64),
) -> Result<(), ModelError> {
    let mut locking =
        steps.clone().order(WorkflowStep::WORKFLOW_STEP_ID.asc()).select_only(WorkflowStep::WORKFLOW_STEP_ID.expr());
    locking.lock(LockType::Update);
    statement::all(transaction, statement::built(&locking)).await?;
    let of_steps = |column: Expr| column.in_subquery(steps.select_only(WorkflowStep::WORKFLOW_STEP_ID.expr()));
    let edges = WorkflowStepEdge::scope()
        .holding(of_steps(WorkflowStepEdge::TO_STEP_ID.expr()).or(of_steps(WorkflowStepEdge::FROM_STEP_ID.expr())));
    record::delete_all(transaction, &edges, parent).await?;
    let transitions =
        WorkflowStepTransition::scope().holding(of_steps(WorkflowStepTransition::WORKFLOW_STEP_ID.expr()));
    record::delete_all(transaction, &transitions, parent).await?;
    record::delete_all(transaction, steps, parent).await?;
    Ok(())
}
