//! Tasks: each is one run of a workflow.

mod associated;
mod request;
mod scopes;

use std::collections::HashMap;

use chrono::NaiveDateTime;
use sea_query::Expr;
use sqlx::PgConnection;
use tasker_domain::identity::{Identity, IdentityInput, IdentityStrategy};
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;

use super::association::{BelongsTo, HasMany};
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::workflow_step::delete_steps;
use super::{JsonText, Model, ModelError, NamedTask, Session, TaskAnnotation, TaskTransition, WorkflowStep};

pub use associated::{AssociatedStep, AssociatedTask};
pub use request::TaskRequest;

/// What `initiator`, `source_system` and `reason` are unless they are given.
pub const UNKNOWN: &str = "unknown";

model! {
    /// A task (`tasker_tasks`). Its state is in its transitions: see [`Task::state`].
    pub struct Task in "tasker_tasks" by task_id {
        /// Primary key.
        task_id: i64 => TASK_ID,
        /// Its type.
        named_task_id: i32 => NAMED_TASK_ID,
        /// Whether it has ended well; goes together with the transition to `complete`.
        complete: bool => COMPLETE,
        /// When it was asked for, in UTC.
        requested_at: NaiveDateTime => REQUESTED_AT,
        /// Who asked for it.
        initiator: Option<String> => INITIATOR,
        /// Where the request came from.
        source_system: Option<String> => SOURCE_SYSTEM,
        /// Why it was asked for.
        reason: Option<String> => REASON,
        /// Names of steps to bypass: a list of texts, kept as it was written.
        bypass_steps: Option<JsonText> => BYPASS_STEPS,
        /// Its tags: a list of texts.
        tags: Option<JsonText> => TAGS,
        /// Its context.
        context: Option<JsonText> => CONTEXT,
        /// Its identity: no two tasks share one.
        identity_hash: String => IDENTITY_HASH,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A task to store.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its type.
    pub named_task_id: i32,
    /// Its context.
    pub context: JsonText,
    /// What makes it the same as another.
    pub identity: Identity,
    /// Whether it has ended well.
    pub complete: bool,
    /// When it was asked for, in UTC; the database's instant unless given.
    pub requested_at: Option<NaiveDateTime>,
    /// Who asked for it, at most 128 characters; `unknown` unless given.
    pub initiator: Option<String>,
    /// Where the request came from, at most 128 characters; `unknown` unless given.
    pub source_system: Option<String>,
    /// Why it was asked for, at most 128 characters; `unknown` unless given.
    pub reason: Option<String>,
    /// Names of steps to bypass.
    pub bypass_steps: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewTask {
    /// A task of this type with the original's defaults (B-MOD-013).
    pub fn of(named_task: &NamedTask, context: impl Into<JsonText>) -> Self {
        Self {
            named_task_id: named_task.named_task_id,
            context: context.into(),
            identity: Identity::Random,
            complete: false,
            requested_at: None,
            initiator: None,
            source_system: None,
            reason: None,
            bypass_steps: Vec::new(),
            tags: Vec::new(),
            created_at: None,
            updated_at: None,
        }
    }

    /// The same task with the identity that a strategy gives it, as a task of the type of this name that was asked
    /// for at this instant (UTC), which is set here because it may count. `key` is the caller's, for [`IdentityStrategy::Key`].
    ///
    /// # Errors
    /// [`ModelError::Identity`] where strategy and key do not fit, [`ModelError::Invalid`] for a context that is no JSON
    /// that can be stored.
    pub fn identified(
        mut self,
        strategy: &IdentityStrategy,
        key: Option<&str>,
        name: &str,
        requested_at: NaiveDateTime,
    ) -> Result<Self, ModelError> {
        let mut errors = ValidationErrors::default();
        let Some(context) = errors.json("context", Some(&self.context)) else {
            return Err(ModelError::Invalid(errors));
        };
        let input = IdentityInput {
            name,
            initiator: self.initiator.as_deref().unwrap_or(UNKNOWN),
            source_system: self.source_system.as_deref().unwrap_or(UNKNOWN),
            context: &context,
            reason: self.reason.as_deref().unwrap_or(UNKNOWN),
            bypass_steps: &self.bypass_steps,
            requested_at,
        };
        self.identity = strategy.identity(key, &input)?;
        self.requested_at = Some(requested_at);
        Ok(self)
    }

    fn unsaved(self) -> (Task, Stamps) {
        let mut stamps = Stamps::of(self.created_at, self.updated_at);
        if self.requested_at.is_none() {
            stamps.compute("requested_at", statement::instant());
        }
        let identity_hash = match self.identity {
            Identity::Given(text) => text,
            Identity::Random => {
                stamps.compute("identity_hash", Expr::cust("pg_catalog.gen_random_uuid()::text"));
                String::new()
            }
        };
        let row = Task {
            task_id: 0,
            named_task_id: self.named_task_id,
            complete: self.complete,
            requested_at: self.requested_at.unwrap_or_default(),
            initiator: Some(self.initiator.unwrap_or_else(|| UNKNOWN.to_owned())),
            source_system: Some(self.source_system.unwrap_or_else(|| UNKNOWN.to_owned())),
            reason: Some(self.reason.unwrap_or_else(|| UNKNOWN.to_owned())),
            bypass_steps: Some(JsonText::texts(&self.bypass_steps)),
            tags: Some(JsonText::texts(&self.tags)),
            context: Some(self.context),
            identity_hash,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-011, B-MOD-012. An empty object or list is a context here.
impl Record for Task {
    const RULES: &'static [Rule] = &[
        Rule {
            constraint: "index_tasks_on_identity_hash",
            field: "identity_hash",
            problem: Problem::Identical { task_id: None },
        },
        Rule::parent("tasks_named_task_id_foreign", "named_task"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        let context = errors.json("context", self.context.as_ref());
        let blank = match context {
            None => self.context.is_none(),
            Some(Json::Null | Json::Bool(false)) => true,
            Some(Json::String(text)) => text.chars().all(char::is_whitespace),
            Some(_) => false,
        };
        if blank {
            errors.add("context", Problem::Blank);
        }
        errors.optional_text("initiator", self.initiator.as_deref(), Some(128));
        errors.optional_text("source_system", self.source_system.as_deref(), Some(128));
        errors.optional_text("reason", self.reason.as_deref(), Some(128));
        errors.json("bypass_steps", self.bypass_steps.as_ref());
        errors.json("tags", self.tags.as_ref());
        errors.text("identity_hash", &self.identity_hash, Some(128));
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let named_task = NamedTask::scope().with_keys([self.named_task_id.into()]);
        let twins = Self::scope().filter(Self::IDENTITY_HASH.eq(self.identity_hash.as_str())).except_key(self.task_id);
        let [named_task_there, twin_there] =
            statement::ask(connection, [named_task.existence(), twins.existence()]).await?;
        if !named_task_there {
            errors.add("named_task", Problem::MustExist);
        }
        if twin_there {
            let twin = twins.first_row(connection).await?;
            errors.add("identity_hash", Problem::Identical { task_id: twin.map(|task| task.task_id) });
        }
        Ok(())
    }
}

record!(Task from NewTask);

impl Task {
    /// Its type.
    pub const NAMED_TASK: BelongsTo<Self, NamedTask> = BelongsTo::new(Self::NAMED_TASK_ID);
    /// Its steps.
    pub const WORKFLOW_STEPS: HasMany<Self, WorkflowStep> = HasMany::new(WorkflowStep::TASK_ID);
    /// Its annotations.
    pub const TASK_ANNOTATIONS: HasMany<Self, TaskAnnotation> = HasMany::new(TaskAnnotation::TASK_ID);
    /// Its history.
    pub const TASK_TRANSITIONS: HasMany<Self, TaskTransition> = HasMany::new(TaskTransition::TASK_ID);

    /// The task of this identity, stored if there is none, and whether it is new. Of rivals, one stores it.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] with every broken rule, and what the database says.
    pub async fn find_or_create<'c>(new: NewTask, session: impl Into<Session<'c>>) -> Result<(Self, bool), ModelError> {
        let random = new.identity == Identity::Random;
        let (row, stamps) = new.unsaved();
        let mut connection = session.into().acquire_primary().await?;
        if random {
            return Ok((record::create(&mut connection, &row, &stamps).await?, true));
        }
        let found = Self::scope().filter(Self::IDENTITY_HASH.eq(row.identity_hash.as_str()));
        record::find_or_create(&mut connection, &found, &row, &stamps).await
    }

    /// Its state: that of its most recent transition, or pending without any (B-MOD-014, B-MOD-015).
    ///
    /// # Errors
    /// [`ModelError::UnknownState`] for a word that another program wrote, and what the database says.
    pub async fn state<'c>(&self, session: impl Into<Session<'c>>) -> Result<TaskState, ModelError> {
        let states = Self::states([self], session).await?;
        Ok(states.get(&self.task_id).copied().unwrap_or(TaskState::Pending))
    }

    /// The states of many tasks by their ids, in one statement.
    ///
    /// # Errors
    /// As [`Task::state`].
    pub async fn states<'c>(
        tasks: impl IntoIterator<Item = &Self>,
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, TaskState>, ModelError> {
        let ids: Vec<i64> = tasks.into_iter().map(Model::key).collect();
        let mut states: HashMap<i64, TaskState> = ids.iter().map(|id| (*id, TaskState::Pending)).collect();
        let current = Self::TASK_TRANSITIONS
            .of_keys(ids)
            .filter(TaskTransition::MOST_RECENT.eq(true))
            .order(TaskTransition::ID.desc());
        for transition in current.fetch(session).await? {
            states.insert(transition.task_id, transition.to_state.parse()?);
        }
        Ok(states)
    }

    /// Its step of this name, the one of the least id if there were several (B-MOD-017).
    ///
    /// # Errors
    /// What the database says.
    pub async fn step_by_name<'c>(
        &self,
        name: &str,
        session: impl Into<Session<'c>>,
    ) -> Result<Option<WorkflowStep>, ModelError> {
        Self::WORKFLOW_STEPS.scope(self).with_step_name(name).first(session).await
    }

    /// Whether each of its steps is complete or resolved by hand; so it is without steps (B-MOD-018).
    ///
    /// # Errors
    /// What the database says.
    pub async fn all_steps_complete<'c>(&self, session: impl Into<Session<'c>>) -> Result<bool, ModelError> {
        let open = Self::WORKFLOW_STEPS.scope(self).not_completed();
        Ok(!open.exists(session).await?)
    }

    /// Its tags; none where the column holds something else than a list of texts.
    #[must_use]
    pub fn tag_list(&self) -> Vec<String> {
        texts(self.tags.as_ref())
    }

    /// Names of steps to bypass; none where the column holds something else than a list of texts.
    #[must_use]
    pub fn bypassed_step_names(&self) -> Vec<String> {
        texts(self.bypass_steps.as_ref())
    }

    /// Deletes the task with its steps, their edges and transitions, its annotations and its transitions (B-MOD-016), in
    /// the original's order and in one transaction. What the side tables of the engine know of it goes, too, where they
    /// are there; an attempt that is under way then ends without being recorded. (A single step that is deleted leaves
    /// them as they are: the task is no longer what its definition says.)
    ///
    /// # Errors
    /// [`ModelError::Forbidden`] for a role that has no right on the side tables, and what the database says. Nothing is
    /// deleted then.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        let mut transaction = connection.begin().await?;
        let this = (Self::MODEL, self.task_id);
        let engine_is_there: bool = sqlx::query_scalar(include_str!("../../../sql/models/engine_is_there.sql"))
            .fetch_one(&mut *transaction)
            .await?;
        if engine_is_there {
            sqlx::query(include_str!("../../../sql/models/forget_task.sql"))
                .bind(self.task_id)
                .execute(&mut *transaction)
                .await?;
        }
        delete_steps(&mut transaction, &Self::WORKFLOW_STEPS.scope(&self), this).await?;
        record::delete_all(&mut transaction, &Self::TASK_ANNOTATIONS.scope(&self), this).await?;
        record::delete_all(&mut transaction, &Self::TASK_TRANSITIONS.scope(&self), this).await?;
        record::delete_row(&mut transaction, &self).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn texts(stored: Option<&JsonText>) -> Vec<String> {
    stored.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default()
}
