//! Namespaces: what keeps task types of one name apart.

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::HasMany;
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::scope::Scope;
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{ModelError, NamedTask, Session};

/// Name of the namespace that task types are in unless they say otherwise.
pub const DEFAULT_NAMESPACE: &str = "default";

model! {
    /// A namespace (`tasker_task_namespaces`).
    pub struct TaskNamespace in "tasker_task_namespaces" by task_namespace_id {
        /// Primary key (B-MOD-066).
        task_namespace_id: i32 => TASK_NAMESPACE_ID,
        /// Its name: unique, upper and lower case being different (B-MOD-063), kept as it was given (B-MOD-064).
        name: String => NAME,
        /// What it is for.
        description: Option<String> => DESCRIPTION,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A namespace to store.
#[derive(Debug, Clone, Default)]
pub struct NewTaskNamespace {
    /// Its name, at most 64 characters.
    pub name: String,
    /// What it is for, at most 255 characters.
    pub description: Option<String>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewTaskNamespace {
    /// A namespace of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn unsaved(self) -> (TaskNamespace, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = TaskNamespace {
            task_namespace_id: 0,
            name: self.name,
            description: self.description,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-040…046.
impl Record for TaskNamespace {
    const RULES: &'static [Rule] = &[Rule::taken("task_namespaces_name_unique", "name")];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.present("name", &self.name);
        errors.text("name", &self.name, Some(64));
        errors.optional_text("description", self.description.as_deref(), Some(255));
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let rivals = Scope::every().filter(Self::NAME.eq(self.name.as_str())).except_key(self.task_namespace_id.into());
        let [taken] = statement::ask(connection, [rivals.existence()]).await?;
        if taken {
            errors.add("name", Problem::Taken);
        }
        Ok(())
    }
}

record!(TaskNamespace from NewTaskNamespace);

impl TaskNamespace {
    /// The task types in the namespace (B-MOD-047, B-MOD-058).
    pub const NAMED_TASKS: HasMany<Self, NamedTask> = HasMany::new(NamedTask::TASK_NAMESPACE_ID);

    /// The namespace `default`, stored if it is not there. However many ask at once, there is one (B-MOD-049…052).
    ///
    /// # Errors
    /// What the database says.
    pub async fn default<'c>(session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        Self::find_or_create(DEFAULT_NAMESPACE, session).await
    }

    /// The namespace of this name, stored if it is not there.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name that cannot be stored, and what the database says.
    pub async fn find_or_create<'c>(name: &str, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::of_name(name, &mut connection).await
    }

    pub(super) async fn of_name(name: &str, connection: &mut PgConnection) -> Result<Self, ModelError> {
        let (row, stamps) = NewTaskNamespace::named(name).unsaved();
        let (found, _new) =
            record::find_or_create(connection, &Self::scope().filter(Self::NAME.eq(name)), &row, &stamps).await?;
        Ok(found)
    }

    /// Whether this is the namespace `default`.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.name == DEFAULT_NAMESPACE
    }

    /// Deletes the namespace.
    ///
    /// # Errors
    /// [`ModelError::RestrictedDelete`] while there are task types in it, which stay as they are (B-MOD-048), and what
    /// the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }
}

impl Scope<TaskNamespace> {
    /// All but the namespace `default` (B-SCP-018).
    #[must_use]
    pub fn custom(self) -> Self {
        self.filter(TaskNamespace::NAME.ne(DEFAULT_NAMESPACE))
    }
}
