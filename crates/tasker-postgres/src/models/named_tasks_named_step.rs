//! Which steps a task type has, and with which defaults.

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::BelongsTo;
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::scope::{Join, Scope};
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{Model, ModelError, NamedStep, NamedTask, OrderBy, Session};

model! {
    /// A step of a task type (`tasker_named_tasks_named_steps`).
    pub struct NamedTasksNamedStep in "tasker_named_tasks_named_steps" by id {
        /// Primary key.
        id: i32 => ID,
        /// The task type.
        named_task_id: i32 => NAMED_TASK_ID,
        /// The step type.
        named_step_id: i32 => NAMED_STEP_ID,
        /// Whether a request may bypass it.
        skippable: bool => SKIPPABLE,
        /// Whether it is tried again after a failure.
        default_retryable: bool => DEFAULT_RETRYABLE,
        /// How many attempts it gets in all.
        default_retry_limit: i32 => DEFAULT_RETRY_LIMIT,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// The defaults of a step within a task type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepDefaults {
    /// How many attempts it gets in all.
    pub default_retry_limit: i32,
    /// Whether it is tried again after a failure.
    pub default_retryable: bool,
    /// Whether a request may bypass it.
    pub skippable: bool,
}

/// B-MOD-036.
impl Default for StepDefaults {
    fn default() -> Self {
        Self { default_retry_limit: 3, default_retryable: true, skippable: false }
    }
}

/// A step of a task type to store.
#[derive(Debug, Clone)]
pub struct NewNamedTasksNamedStep {
    /// The task type.
    pub named_task_id: i32,
    /// The step type.
    pub named_step_id: i32,
    /// Its defaults.
    pub defaults: StepDefaults,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewNamedTasksNamedStep {
    /// This step in this task type.
    #[must_use]
    pub fn of(named_task: &NamedTask, named_step: &NamedStep, defaults: StepDefaults) -> Self {
        Self {
            named_task_id: named_task.named_task_id,
            named_step_id: named_step.named_step_id,
            defaults,
            created_at: None,
            updated_at: None,
        }
    }

    fn unsaved(self) -> (NamedTasksNamedStep, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = NamedTasksNamedStep {
            id: 0,
            named_task_id: self.named_task_id,
            named_step_id: self.named_step_id,
            skippable: self.defaults.skippable,
            default_retryable: self.defaults.default_retryable,
            default_retry_limit: self.defaults.default_retry_limit,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

impl Record for NamedTasksNamedStep {
    const RULES: &'static [Rule] = &[
        Rule::taken("named_tasks_steps_ids_unique", "named_task_id"),
        Rule::parent("named_tasks_named_steps_named_task_id_foreign", "named_task"),
        Rule::parent("named_tasks_named_steps_named_step_id_foreign", "named_step"),
    ];

    fn check(&self, _errors: &mut ValidationErrors) {}

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let rivals = Self::scope()
            .filter(Self::NAMED_TASK_ID.eq(self.named_task_id))
            .filter(Self::NAMED_STEP_ID.eq(self.named_step_id))
            .except_key(self.key());
        let task = NamedTask::scope().with_keys([self.named_task_id.into()]);
        let step = NamedStep::scope().with_keys([self.named_step_id.into()]);
        let questions = [rivals.existence(), task.existence(), step.existence()];
        let [taken, task_there, step_there] = statement::ask(connection, questions).await?;
        if !task_there {
            errors.add("named_task", Problem::MustExist);
        }
        if !step_there {
            errors.add("named_step", Problem::MustExist);
        }
        if taken {
            errors.add("named_task_id", Problem::Taken);
            errors.add("named_step_id", Problem::Taken);
        }
        Ok(())
    }
}

record!(NamedTasksNamedStep from NewNamedTasksNamedStep);

/// The step type of each row.
const NAMED_STEP: Join = Join {
    table: NamedStep::TABLE,
    column: "named_step_id",
    from: (NamedTasksNamedStep::TABLE, "named_step_id"),
    after: None,
};

impl NamedTasksNamedStep {
    /// The task type (B-MOD-034).
    pub const NAMED_TASK: BelongsTo<Self, NamedTask> = BelongsTo::new(Self::NAMED_TASK_ID);
    /// The step type (B-MOD-034).
    pub const NAMED_STEP: BelongsTo<Self, NamedStep> = BelongsTo::new(Self::NAMED_STEP_ID);

    /// The row of this step in this task type, stored with these defaults if it is not there (B-MOD-033). The defaults
    /// of a row that is there stay as they are (B-MOD-035).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] if one of the two was deleted meanwhile, and what the database says.
    pub async fn find_or_create<'c>(
        named_task: &NamedTask,
        named_step: &NamedStep,
        defaults: StepDefaults,
        session: impl Into<Session<'c>>,
    ) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::of_pair(named_task, named_step, defaults, &mut connection).await
    }

    async fn of_pair(
        named_task: &NamedTask,
        named_step: &NamedStep,
        defaults: StepDefaults,
        connection: &mut PgConnection,
    ) -> Result<Self, ModelError> {
        let (row, stamps) = NewNamedTasksNamedStep::of(named_task, named_step, defaults).unsaved();
        let found = Self::scope()
            .filter(Self::NAMED_TASK_ID.eq(row.named_task_id))
            .filter(Self::NAMED_STEP_ID.eq(row.named_step_id));
        let (found, _new) = record::find_or_create(connection, &found, &row, &stamps).await?;
        Ok(found)
    }

    /// The row of the step of this name in this task type, whatever system that step belongs to. If there is none,
    /// system and step are found or stored and the row is stored with these defaults; the defaults of a row that is
    /// there stay as they are (B-MOD-033, B-MOD-035).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name that cannot be stored, and what the database says.
    pub async fn associate<'c>(
        named_task: &NamedTask,
        system: &str,
        step: &str,
        defaults: StepDefaults,
        session: impl Into<Session<'c>>,
    ) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::associated(named_task, system, step, defaults, &mut connection).await
    }

    pub(super) async fn associated(
        named_task: &NamedTask,
        system: &str,
        step: &str,
        defaults: StepDefaults,
        connection: &mut PgConnection,
    ) -> Result<Self, ModelError> {
        let present = Self::scope().named_steps_for_named_task(named_task.named_task_id).with_step_name(step);
        if let Some(row) = present.first_row(connection).await? {
            return Ok(row);
        }
        let named_step = NamedStep::of_names(system, step, connection).await?;
        Self::of_pair(named_task, &named_step, defaults, connection).await
    }

    /// Deletes the row.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }
}

impl Scope<NamedTasksNamedStep> {
    /// The rows of one task type. The original loads both associations with them: [`BelongsTo::load`] does.
    #[must_use]
    pub fn named_steps_for_named_task(self, named_task_id: i32) -> Self {
        self.filter(NamedTasksNamedStep::NAMED_TASK_ID.eq(named_task_id))
    }

    /// Ordered by a column of their steps: `NamedStep::NAME.asc()`.
    #[must_use]
    pub fn order_by_step(self, by: OrderBy<NamedStep>) -> Self {
        self.order_joined(&NAMED_STEP, by)
    }

    /// The rows of steps of this name.
    #[must_use]
    pub fn with_step_name(self, name: &str) -> Self {
        self.joined(&NAMED_STEP).filtered_by(NamedStep::NAME.eq(name))
    }
}
