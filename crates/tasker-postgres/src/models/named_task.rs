//! Task types: a name in a namespace, in a version.

use chrono::NaiveDateTime;
use sqlx::PgConnection;
use tasker_domain::json::Json;

use super::association::{BelongsTo, HasMany};
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::scope::{Join, Scope};
use super::statement;
use super::task_namespace::DEFAULT_NAMESPACE;
use super::validation::{Problem, ValidationErrors};
use super::{JsonText, Model, ModelError, NamedTasksNamedStep, OrderBy, Session, Task, TaskNamespace};

/// Version that task types have unless they say otherwise (B-MOD-071).
pub const DEFAULT_VERSION: &str = "0.1.0";

model! {
    /// A task type (`tasker_named_tasks`).
    pub struct NamedTask in "tasker_named_tasks" by named_task_id {
        /// Primary key.
        named_task_id: i32 => NAMED_TASK_ID,
        /// Its name.
        name: String => NAME,
        /// What it does.
        description: Option<String> => DESCRIPTION,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
        /// Its namespace.
        task_namespace_id: i64 => TASK_NAMESPACE_ID,
        /// Its version: three numbers with dots between.
        version: String => VERSION,
        /// Its configuration as stored; [`NamedTask::config`] reads it.
        configuration: Option<JsonText> => CONFIGURATION,
    }
}

/// A task type to store.
#[derive(Debug, Clone)]
pub struct NewNamedTask {
    /// Its namespace.
    pub task_namespace_id: i64,
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its version, at most 16 characters.
    pub version: String,
    /// What it does, at most 255 characters.
    pub description: Option<String>,
    /// Its configuration; `{}` unless given.
    pub configuration: Option<JsonText>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewNamedTask {
    /// A task type of this name in its first version.
    pub fn named(name: impl Into<String>, namespace: &TaskNamespace) -> Self {
        Self {
            task_namespace_id: namespace.key(),
            name: name.into(),
            version: DEFAULT_VERSION.to_owned(),
            description: None,
            configuration: None,
            created_at: None,
            updated_at: None,
        }
    }

    fn unsaved(self) -> (NamedTask, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = NamedTask {
            named_task_id: 0,
            name: self.name,
            description: self.description,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            task_namespace_id: self.task_namespace_id,
            version: self.version,
            configuration: Some(self.configuration.unwrap_or_else(JsonText::empty_object)),
        };
        (row, stamps)
    }
}

/// B-MOD-068…070.
impl Record for NamedTask {
    const RULES: &'static [Rule] = &[
        Rule::taken("named_tasks_namespace_name_version_unique", "task_namespace_id"),
        Rule::parent("fk_rails_16a0297759", "task_namespace"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.present("name", &self.name);
        errors.text("name", &self.name, Some(64));
        errors.present("version", &self.version);
        errors.text("version", &self.version, Some(16));
        if !is_version(&self.version) {
            errors.rule("version", "must be in semver format (e.g., 1.0.0)");
        }
        errors.optional_text("description", self.description.as_deref(), Some(255));
        errors.json("configuration", self.configuration.as_ref());
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let rivals = Self::scope()
            .filter(Self::TASK_NAMESPACE_ID.eq(self.task_namespace_id))
            .filter(Self::NAME.eq(self.name.as_str()))
            .filter(Self::VERSION.eq(self.version.as_str()))
            .except_key(self.key());
        let namespace = TaskNamespace::scope().with_keys([self.task_namespace_id]);
        let [taken, there] = statement::ask(connection, [rivals.existence(), namespace.existence()]).await?;
        if !there {
            errors.add("task_namespace", Problem::MustExist);
        }
        if taken {
            errors.add("task_namespace_id", Problem::Taken);
        }
        Ok(())
    }
}

record!(NamedTask from NewNamedTask);

/// The namespace of each task type.
pub(super) const NAMESPACE: Join = Join {
    table: TaskNamespace::TABLE,
    column: "task_namespace_id",
    from: (NamedTask::TABLE, "task_namespace_id"),
    after: None,
};

impl NamedTask {
    /// The namespace it is in.
    pub const TASK_NAMESPACE: BelongsTo<Self, TaskNamespace> = BelongsTo::new(Self::TASK_NAMESPACE_ID);
    /// The tasks of this type.
    pub const TASKS: HasMany<Self, Task> = HasMany::new(Task::NAMED_TASK_ID);
    /// Which steps it has, with their defaults.
    pub const NAMED_TASKS_NAMED_STEPS: HasMany<Self, NamedTasksNamedStep> =
        HasMany::new(NamedTasksNamedStep::NAMED_TASK_ID);

    /// The task type of exactly this namespace, name and version; it and its namespace are stored if they are not there
    /// (B-MOD-019, B-MOD-060). A namespace that was stored stays even where the name or version is refused, as in Rails.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name or version that breaks the rules, and what the database says.
    pub async fn find_or_create_by_full_name<'c>(
        namespace: &str,
        name: &str,
        version: &str,
        session: impl Into<Session<'c>>,
    ) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::of_full_name(namespace, name, version, &mut connection).await
    }

    pub(super) async fn of_full_name(
        namespace: &str,
        name: &str,
        version: &str,
        connection: &mut PgConnection,
    ) -> Result<Self, ModelError> {
        let namespace = TaskNamespace::of_name(namespace, connection).await?;
        let mut new = NewNamedTask::named(name, &namespace);
        new.version = version.to_owned();
        let (row, stamps) = new.unsaved();
        let found = Self::scope()
            .filter(Self::TASK_NAMESPACE_ID.eq(namespace.key()))
            .filter(Self::NAME.eq(name))
            .filter(Self::VERSION.eq(version));
        let (found, _new) = record::find_or_create(connection, &found, &row, &stamps).await?;
        Ok(found)
    }

    /// The newest version of this name in this namespace, newest by its text as in Rails: 0.9.0 is above 0.10.0
    /// (B-MOD-075). R-42's order by number is the template registry's.
    ///
    /// # Errors
    /// What the database says.
    pub async fn find_latest_version<'c>(
        namespace: &str,
        name: &str,
        session: impl Into<Session<'c>>,
    ) -> Result<Option<Self>, ModelError> {
        Self::scope()
            .in_namespace(namespace)
            .filter(Self::NAME.eq(name))
            .order(Self::VERSION.desc())
            .first(session)
            .await
    }

    /// Whether this version is stored (B-SCP-017).
    ///
    /// # Errors
    /// What the database says.
    pub async fn version_exists<'c>(
        namespace: &str,
        name: &str,
        version: &str,
        session: impl Into<Session<'c>>,
    ) -> Result<bool, ModelError> {
        Self::scope().in_namespace(namespace).filter(Self::NAME.eq(name)).with_version(version).exists(session).await
    }

    /// `namespace.name@version` (B-MOD-072). The namespace is the one of [`NamedTask::TASK_NAMESPACE`].
    #[must_use]
    pub fn full_name(&self, namespace: &TaskNamespace) -> String {
        format!("{}@{}", self.qualified_name(namespace), self.version)
    }

    /// `namespace.name` (B-MOD-072).
    #[must_use]
    pub fn qualified_name(&self, namespace: &TaskNamespace) -> String {
        format!("{}.{}", namespace.name, self.name)
    }

    /// Whether it is in the namespace `default`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_in_default_namespace<'c>(&self, session: impl Into<Session<'c>>) -> Result<bool, ModelError> {
        let namespace = TaskNamespace::scope()
            .with_keys([self.task_namespace_id])
            .filter(TaskNamespace::NAME.eq(DEFAULT_NAMESPACE));
        namespace.exists(session).await
    }

    /// The configuration. What is not an object reads as an empty one: NULL, and the text `"{}"` that Rails writes
    /// (R-07, B-MOD-073).
    #[must_use]
    pub fn config(&self) -> Json {
        let stored = self.configuration.as_ref().and_then(|text| text.parse().ok());
        stored.filter(|json| json.as_object().is_some()).unwrap_or_else(Json::empty_object)
    }

    /// Whether its steps may run beside each other: `concurrent` of the configuration, true unless it says false or
    /// null (B-MOD-073).
    #[must_use]
    pub fn is_concurrent(&self) -> bool {
        !matches!(self.config().get("concurrent"), Some(Json::Bool(false) | Json::Null))
    }

    /// Merges into the configuration, objects within objects as well, and stores it (B-MOD-074).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for what is not an object or cannot be stored, and what the database says.
    pub async fn update_config<'c>(
        &mut self,
        changes: &Json,
        session: impl Into<Session<'c>>,
    ) -> Result<(), ModelError> {
        if changes.as_object().is_none() {
            let mut errors = ValidationErrors::default();
            errors.rule("configuration", format!("must be an object, not {}", changes.kind()));
            return Err(ModelError::Invalid(errors));
        }
        let mut config = self.config();
        merge(&mut config, changes);
        self.update(session, |row| row.configuration = Some(JsonText::from(&config))).await
    }

    /// Deletes the task type.
    ///
    /// # Errors
    /// [`ModelError::RestrictedDelete`] while there are tasks of this type or steps that belong to it, and what the
    /// database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }
}

/// Three groups of digits with dots between.
fn is_version(text: &str) -> bool {
    let groups: Vec<&str> = text.split('.').collect();
    groups.len() == 3 && groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
}

fn merge(into: &mut Json, changes: &Json) {
    match (into, changes) {
        (Json::Object(members), Json::Object(changes)) => {
            for (key, change) in changes {
                match members.get_mut(key) {
                    Some(member) => merge(member, change),
                    None => {
                        members.insert(key.clone(), change.clone());
                    }
                }
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

impl Scope<NamedTask> {
    /// Those in the namespace of this name (B-SCP-017).
    #[must_use]
    pub fn in_namespace(self, name: &str) -> Self {
        self.joined(&NAMESPACE).filtered_by(TaskNamespace::NAME.eq(name))
    }

    /// Those of this version (B-SCP-017).
    #[must_use]
    pub fn with_version(self, version: &str) -> Self {
        self.filter(NamedTask::VERSION.eq(version))
    }

    /// Of each name in each namespace the one whose version is the greatest text (B-SCP-017), by namespace and name. What
    /// the scope was narrowed to before and after does not change which one that is.
    #[must_use]
    pub fn latest_versions(self) -> Self {
        self.without_later_version().order(NamedTask::TASK_NAMESPACE_ID.asc()).order(NamedTask::NAME.asc())
    }

    /// Ordered by a column of their namespaces: `TaskNamespace::NAME.asc()`.
    #[must_use]
    pub fn order_by_namespace(self, by: OrderBy<TaskNamespace>) -> Self {
        self.order_joined(&NAMESPACE, by)
    }

    fn without_later_version(self) -> Self {
        use sea_query::{Expr, ExprTrait, Query};
        let column = |column| Expr::col(("later", column));
        let mut later = Query::select();
        later.expr(Expr::cust("1")).from_as(("public", NamedTask::TABLE), "later");
        later.and_where(column("task_namespace_id").equals((NamedTask::TABLE, "task_namespace_id")));
        later.and_where(column("name").equals((NamedTask::TABLE, "name")));
        later.and_where(column("version").gt(NamedTask::VERSION.expr()));
        self.holding(Expr::not_exists(later))
    }
}
