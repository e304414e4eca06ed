//! What is written beside the workflows: annotations and identifiers of other systems.

use serde_json::{Value, json};
use tasker_postgres::factories::{AnnotationTypeRow, DependentSystemObjectMapRow, TaskAnnotationRow};

use super::{Factory, Stored};

/// A kind of annotation.
#[derive(Debug)]
pub struct AnnotationTypeBuilder<'f> {
    factory: &'f Factory,
    name: String,
}

/// An annotation of a task; task and kind are new unless told otherwise.
#[derive(Debug)]
pub struct TaskAnnotationBuilder<'f> {
    factory: &'f Factory,
    task_id: Option<i64>,
    kind: Option<String>,
    annotation: Value,
}

/// Two identifiers of one thing in two systems, which are new unless told otherwise.
#[derive(Debug)]
pub struct ObjectMapBuilder<'f> {
    factory: &'f Factory,
    systems: Option<(i32, i32)>,
    remote_ids: (String, String),
}

impl Factory {
    /// A kind of annotation of a name of its own.
    pub fn annotation_type(&self) -> AnnotationTypeBuilder<'_> {
        AnnotationTypeBuilder { factory: self, name: format!("annotation_{}", self.next_number()) }
    }

    /// An annotation.
    pub fn task_annotation(&self) -> TaskAnnotationBuilder<'_> {
        TaskAnnotationBuilder {
            factory: self,
            task_id: None,
            kind: None,
            annotation: json!({"note": "made for a test"}),
        }
    }

    /// A pair of identifiers.
    pub fn dependent_system_object_map(&self) -> ObjectMapBuilder<'_> {
        let number = self.next_number();
        let remote_ids = (format!("one-{number}"), format!("two-{number}"));
        ObjectMapBuilder { factory: self, systems: None, remote_ids }
    }
}

impl AnnotationTypeBuilder<'_> {
    /// Under this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<AnnotationTypeRow>, sqlx::Error> {
        let now = self.factory.now;
        let description = Some(format!("Annotation {}", self.name));
        self.factory.insert(AnnotationTypeRow { name: self.name, description, created_at: now, updated_at: now }).await
    }
}

impl TaskAnnotationBuilder<'_> {
    /// Of this task.
    #[must_use]
    pub fn of(mut self, task_id: i64) -> Self {
        self.task_id = Some(task_id);
        self
    }

    /// Of the kind of this name, which is made where it is missing.
    #[must_use]
    pub fn kind(mut self, name: &str) -> Self {
        self.kind = Some(name.to_owned());
        self
    }

    /// Saying this.
    #[must_use]
    pub fn saying(mut self, annotation: Value) -> Self {
        self.annotation = annotation;
        self
    }

    /// Writes it, and its task and kind where none were given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<TaskAnnotationRow>, sqlx::Error> {
        let factory = self.factory;
        let task_id = match self.task_id {
            Some(id) => id,
            None => factory.task().create().await?.id,
        };
        let kind = match self.kind {
            Some(name) => factory.annotation_type().named(&name).create().await?,
            None => factory.annotation_type().create().await?,
        };
        let row = TaskAnnotationRow {
            task_id,
            annotation_type_id: kind.small_id(),
            annotation: Some(self.annotation),
            created_at: factory.now,
            updated_at: factory.now,
        };
        factory.insert(row).await
    }
}

impl ObjectMapBuilder<'_> {
    /// Between these systems.
    #[must_use]
    pub fn between(mut self, system_one_id: i32, system_two_id: i32) -> Self {
        self.systems = Some((system_one_id, system_two_id));
        self
    }

    /// Of these identifiers.
    #[must_use]
    pub fn joining(mut self, remote_id_one: &str, remote_id_two: &str) -> Self {
        self.remote_ids = (remote_id_one.to_owned(), remote_id_two.to_owned());
        self
    }

    /// Writes it, and its systems where none were given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<DependentSystemObjectMapRow>, sqlx::Error> {
        let factory = self.factory;
        let (one, two) = match self.systems {
            Some(systems) => systems,
            None => {
                let one = factory.dependent_system().create().await?.small_id();
                (one, factory.dependent_system().create().await?.small_id())
            }
        };
        let row = DependentSystemObjectMapRow {
            dependent_system_one_id: one,
            dependent_system_two_id: two,
            remote_id_one: self.remote_ids.0,
            remote_id_two: self.remote_ids.1,
            created_at: factory.now,
            updated_at: factory.now,
        };
        factory.insert(row).await
    }
}
