//! What a workflow is: systems, namespaces, task and step types.

use serde_json::Value;
use tasker_postgres::factories::{
    DependentSystemRow, NamedStepRow, NamedTaskRow, NamedTasksNamedStepRow, TaskNamespaceRow,
};

use super::{Factory, Stored};

/// A system that steps talk to.
#[derive(Debug)]
pub struct DependentSystemBuilder<'f> {
    factory: &'f Factory,
    name: String,
}

/// A namespace of task types.
#[derive(Debug)]
pub struct TaskNamespaceBuilder<'f> {
    factory: &'f Factory,
    name: String,
}

/// A task type; in the namespace `default` and version 0.1.0 unless told otherwise.
#[derive(Debug)]
pub struct NamedTaskBuilder<'f> {
    factory: &'f Factory,
    name: String,
    namespace: String,
    version: String,
    configuration: Value,
}

/// A step type; of a new system unless told otherwise.
#[derive(Debug)]
pub struct NamedStepBuilder<'f> {
    factory: &'f Factory,
    name: String,
    system: String,
}

/// A step type of a task type; both new unless told otherwise.
#[derive(Debug)]
pub struct NamedTasksNamedStepBuilder<'f> {
    factory: &'f Factory,
    named_task_id: Option<i32>,
    named_step_id: Option<i32>,
    skippable: bool,
    retryable: bool,
    retry_limit: i32,
}

impl Factory {
    /// A system of a name of its own.
    pub fn dependent_system(&self) -> DependentSystemBuilder<'_> {
        DependentSystemBuilder { factory: self, name: format!("system_{}", self.next_number()) }
    }

    /// A namespace of a name of its own.
    pub fn task_namespace(&self) -> TaskNamespaceBuilder<'_> {
        TaskNamespaceBuilder { factory: self, name: format!("namespace_{}", self.next_number()) }
    }

    /// A task type of a name of its own.
    pub fn named_task(&self) -> NamedTaskBuilder<'_> {
        NamedTaskBuilder {
            factory: self,
            name: format!("test_task_{}", self.next_number()),
            namespace: "default".to_owned(),
            version: "0.1.0".to_owned(),
            configuration: Value::Object(serde_json::Map::new()),
        }
    }

    /// A step type of a name of its own.
    pub fn named_step(&self) -> NamedStepBuilder<'_> {
        let number = self.next_number();
        NamedStepBuilder { factory: self, name: format!("test_step_{number}"), system: format!("system_{number}") }
    }

    /// A step type of a task type.
    pub fn named_tasks_named_step(&self) -> NamedTasksNamedStepBuilder<'_> {
        NamedTasksNamedStepBuilder {
            factory: self,
            named_task_id: None,
            named_step_id: None,
            skippable: false,
            retryable: true,
            retry_limit: 3,
        }
    }
}

impl DependentSystemBuilder<'_> {
    /// Under this name; the original's traits are `api`, `database`, `notification`, `dummy-system`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the database says; so do all others.
    pub async fn create(self) -> Result<Stored<DependentSystemRow>, sqlx::Error> {
        let now = self.factory.now;
        let description = Some(format!("System {}", self.name));
        self.factory.insert(DependentSystemRow { name: self.name, description, created_at: now, updated_at: now }).await
    }
}

impl TaskNamespaceBuilder<'_> {
    /// Under this name; the original's traits are `default`, `payments`, `notifications`, `integrations`,
    /// `data_processing`, `reporting`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<TaskNamespaceRow>, sqlx::Error> {
        let now = self.factory.now;
        let description = Some(format!("Namespace {}", self.name));
        self.factory.insert(TaskNamespaceRow { name: self.name, description, created_at: now, updated_at: now }).await
    }
}

impl NamedTaskBuilder<'_> {
    /// Under this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// `api_integration_task`.
    #[must_use]
    pub fn api_integration(self) -> Self {
        self.named("api_integration_task")
    }

    /// `data_processing_task`.
    #[must_use]
    pub fn data_processing(self) -> Self {
        self.named("data_processing_task")
    }

    /// In this namespace, which is made where it is missing.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// In this version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = version.to_owned();
        self
    }

    /// With this configuration.
    #[must_use]
    pub fn configuration(mut self, configuration: Value) -> Self {
        self.configuration = configuration;
        self
    }

    /// Writes it, and its namespace where that is missing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<NamedTaskRow>, sqlx::Error> {
        let now = self.factory.now;
        let namespace = self.factory.task_namespace().named(&self.namespace).create().await?;
        let row = NamedTaskRow {
            description: Some(format!("Task {}", self.name)),
            name: self.name,
            task_namespace_id: namespace.id,
            version: self.version,
            configuration: Some(self.configuration),
            created_at: now,
            updated_at: now,
        };
        self.factory.insert(row).await
    }
}

impl NamedStepBuilder<'_> {
    /// Under this name, of this system, which is made where it is missing.
    #[must_use]
    pub fn named(mut self, name: &str, system: &str) -> Self {
        self.name = name.to_owned();
        self.system = system.to_owned();
        self
    }

    /// `fetch_cart` of the system `api`.
    #[must_use]
    pub fn fetch_cart(self) -> Self {
        self.named("fetch_cart", "api")
    }

    /// `fetch_products` of the system `api`.
    #[must_use]
    pub fn fetch_products(self) -> Self {
        self.named("fetch_products", "api")
    }

    /// `validate_products` of the system `database`.
    #[must_use]
    pub fn validate_products(self) -> Self {
        self.named("validate_products", "database")
    }

    /// `create_order` of the system `database`.
    #[must_use]
    pub fn create_order(self) -> Self {
        self.named("create_order", "database")
    }

    /// `publish_event` of the system `notification`.
    #[must_use]
    pub fn publish_event(self) -> Self {
        self.named("publish_event", "notification")
    }

    /// Writes it, and its system where that is missing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<NamedStepRow>, sqlx::Error> {
        let now = self.factory.now;
        let system = self.factory.dependent_system().named(&self.system).create().await?;
        let row = NamedStepRow {
            dependent_system_id: system.small_id(),
            description: Some(format!("Step {}", self.name)),
            name: self.name,
            created_at: now,
            updated_at: now,
        };
        self.factory.insert(row).await
    }
}

impl NamedTasksNamedStepBuilder<'_> {
    /// Of this task type.
    #[must_use]
    pub fn named_task(mut self, named_task_id: i32) -> Self {
        self.named_task_id = Some(named_task_id);
        self
    }

    /// This step type.
    #[must_use]
    pub fn named_step(mut self, named_step_id: i32) -> Self {
        self.named_step_id = Some(named_step_id);
        self
    }

    /// May be bypassed.
    #[must_use]
    pub fn skippable(mut self) -> Self {
        self.skippable = true;
        self
    }

    /// May not be tried again.
    #[must_use]
    pub fn non_retryable(mut self) -> Self {
        self.retryable = false;
        self
    }

    /// So many attempts in all.
    #[must_use]
    pub fn retry_limit(mut self, attempts: i32) -> Self {
        self.retry_limit = attempts;
        self
    }

    /// Writes it, and what it refers to where that was not given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<NamedTasksNamedStepRow>, sqlx::Error> {
        let now = self.factory.now;
        let named_task_id = match self.named_task_id {
            Some(id) => id,
            None => self.factory.named_task().create().await?.small_id(),
        };
        let named_step_id = match self.named_step_id {
            Some(id) => id,
            None => self.factory.named_step().create().await?.small_id(),
        };
        let row = NamedTasksNamedStepRow {
            named_task_id,
            named_step_id,
            skippable: self.skippable,
            default_retryable: self.retryable,
            default_retry_limit: self.retry_limit,
            created_at: now,
            updated_at: now,
        };
        self.factory.insert(row).await
    }
}
