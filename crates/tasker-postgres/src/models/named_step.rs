//! Step types: a name that belongs to a system.

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::{BelongsTo, HasMany};
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{DependentSystem, Model, ModelError, NamedTasksNamedStep, Session, WorkflowStep};

model! {
    /// A step type (`tasker_named_steps`). Its name is unique within its system (B-MOD-032).
    pub struct NamedStep in "tasker_named_steps" by named_step_id {
        /// Primary key.
        named_step_id: i32 => NAMED_STEP_ID,
        /// The system it belongs to.
        dependent_system_id: i32 => DEPENDENT_SYSTEM_ID,
        /// Its name.
        name: String => NAME,
        /// What it does.
        description: Option<String> => DESCRIPTION,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A step type to store.
#[derive(Debug, Clone)]
pub struct NewNamedStep {
    /// The system it belongs to.
    pub dependent_system_id: i32,
    /// Its name, at most 128 characters.
    pub name: String,
    /// What it does, at most 255 characters.
    pub description: Option<String>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewNamedStep {
    /// A step type of this name.
    pub fn named(name: impl Into<String>, system: &DependentSystem) -> Self {
        Self {
            dependent_system_id: system.dependent_system_id,
            name: name.into(),
            description: None,
            created_at: None,
            updated_at: None,
        }
    }

    fn unsaved(self) -> (NamedStep, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = NamedStep {
            named_step_id: 0,
            dependent_system_id: self.dependent_system_id,
            name: self.name,
            description: self.description,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

impl Record for NamedStep {
    const RULES: &'static [Rule] = &[
        Rule::taken("named_step_by_system_uniq", "name"),
        Rule::parent("named_steps_dependent_system_id_foreign", "dependent_system"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.present("name", &self.name);
        errors.text("name", &self.name, Some(Self::LONGEST_NAME));
        errors.optional_text("description", self.description.as_deref(), Some(255));
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let rivals = Self::scope()
            .filter(Self::NAME.eq(self.name.as_str()))
            .filter(Self::DEPENDENT_SYSTEM_ID.eq(self.dependent_system_id))
            .except_key(self.key());
        let system = DependentSystem::scope().with_keys([self.dependent_system_id.into()]);
        let [taken, there] = statement::ask(connection, [rivals.existence(), system.existence()]).await?;
        if !there {
            errors.add("dependent_system", Problem::MustExist);
        }
        if taken {
            errors.add("name", Problem::Taken);
        }
        Ok(())
    }
}

record!(NamedStep from NewNamedStep);

impl NamedStep {
    /// Most characters of a name.
    pub const LONGEST_NAME: usize = 128;
    /// The system it belongs to.
    pub const DEPENDENT_SYSTEM: BelongsTo<Self, DependentSystem> = BelongsTo::new(Self::DEPENDENT_SYSTEM_ID);
    /// The steps of this type, of all tasks.
    pub const WORKFLOW_STEPS: HasMany<Self, WorkflowStep> = HasMany::new(WorkflowStep::NAMED_STEP_ID);
    /// The task types that have it.
    pub const NAMED_TASKS_NAMED_STEPS: HasMany<Self, NamedTasksNamedStep> =
        HasMany::new(NamedTasksNamedStep::NAMED_STEP_ID);

    /// The step type of this name in the system of this name; both are stored if they are not there (B-MOD-031).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name that cannot be stored, and what the database says.
    pub async fn find_or_create<'c>(
        system: &str,
        name: &str,
        session: impl Into<Session<'c>>,
    ) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::of_names(system, name, &mut connection).await
    }

    /// One step type for each pair of a system's and a step's name, in their order (B-MOD-030). Twice the same adds
    /// nothing (B-MOD-031).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name that cannot be stored; those before it are stored then. What the database says.
    pub async fn find_or_create_all<'c, 'n>(
        names: impl IntoIterator<Item = (&'n str, &'n str)>,
        session: impl Into<Session<'c>>,
    ) -> Result<Vec<Self>, ModelError> {
        let names: Vec<_> = names.into_iter().collect();
        let mut connection = session.into().acquire_primary().await?;
        let mut steps = Vec::with_capacity(names.len());
        for (system, name) in names {
            steps.push(Self::of_names(system, name, &mut connection).await?);
        }
        Ok(steps)
    }

    pub(super) async fn of_names(system: &str, name: &str, connection: &mut PgConnection) -> Result<Self, ModelError> {
        let system = DependentSystem::of_name(system, connection).await?;
        let (row, stamps) = NewNamedStep::named(name, &system).unsaved();
        let found =
            Self::scope().filter(Self::NAME.eq(name)).filter(Self::DEPENDENT_SYSTEM_ID.eq(system.dependent_system_id));
        let (found, _new) = record::find_or_create(connection, &found, &row, &stamps).await?;
        Ok(found)
    }

    /// Deletes the step type.
    ///
    /// # Errors
    /// [`ModelError::RestrictedDelete`] while there are steps of this type or task types that have it, and what the
    /// database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }
}
