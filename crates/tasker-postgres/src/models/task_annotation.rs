//! Notes on tasks.

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::BelongsTo;
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{AnnotationType, JsonText, ModelError, Session, Task};

model! {
    /// An annotation of a task (`tasker_task_annotations`).
    pub struct TaskAnnotation in "tasker_task_annotations" by task_annotation_id {
        /// Primary key.
        task_annotation_id: i64 => TASK_ANNOTATION_ID,
        /// The task.
        task_id: i64 => TASK_ID,
        /// The kind of annotation.
        annotation_type_id: i32 => ANNOTATION_TYPE_ID,
        /// Any JSON, or nothing.
        annotation: Option<JsonText> => ANNOTATION,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// An annotation to store.
#[derive(Debug, Clone)]
pub struct NewTaskAnnotation {
    /// The task.
    pub task_id: i64,
    /// The kind of annotation.
    pub annotation_type_id: i32,
    /// Any JSON, or nothing.
    pub annotation: Option<JsonText>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewTaskAnnotation {
    /// An annotation of this kind on this task.
    #[must_use]
    pub fn of(task_id: i64, kind: &AnnotationType, annotation: impl Into<JsonText>) -> Self {
        Self {
            task_id,
            annotation_type_id: kind.annotation_type_id,
            annotation: Some(annotation.into()),
            created_at: None,
            updated_at: None,
        }
    }

    fn unsaved(self) -> (TaskAnnotation, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = TaskAnnotation {
            task_annotation_id: 0,
            task_id: self.task_id,
            annotation_type_id: self.annotation_type_id,
            annotation: self.annotation,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

impl Record for TaskAnnotation {
    const RULES: &'static [Rule] = &[
        Rule::parent("task_annotations_task_id_foreign", "task"),
        Rule::parent("task_annotations_annotation_type_id_foreign", "annotation_type"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.json("annotation", self.annotation.as_ref());
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let task = Task::scope().with_keys([self.task_id]);
        let kind = AnnotationType::scope().with_keys([self.annotation_type_id.into()]);
        let [task_there, kind_there] = statement::ask(connection, [task.existence(), kind.existence()]).await?;
        if !task_there {
            errors.add("task", Problem::MustExist);
        }
        if !kind_there {
            errors.add("annotation_type", Problem::MustExist);
        }
        Ok(())
    }
}

record!(TaskAnnotation from NewTaskAnnotation);

impl TaskAnnotation {
    /// The task.
    pub const TASK: BelongsTo<Self, Task> = BelongsTo::new(Self::TASK_ID);
    /// The kind of annotation; its `name` is the original's `annotation_type_name`.
    pub const ANNOTATION_TYPE: BelongsTo<Self, AnnotationType> = BelongsTo::new(Self::ANNOTATION_TYPE_ID);

    /// Deletes the annotation.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }
}
