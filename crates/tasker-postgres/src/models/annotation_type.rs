//! Kinds of notes on tasks.

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::HasMany;
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{ModelError, Session, TaskAnnotation};

model! {
    /// A kind of annotation (`tasker_annotation_types`).
    pub struct AnnotationType in "tasker_annotation_types" by annotation_type_id {
        /// Primary key.
        annotation_type_id: i32 => ANNOTATION_TYPE_ID,
        /// Its name, unique.
        name: String => NAME,
        /// What it is.
        description: Option<String> => DESCRIPTION,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A kind of annotation to store.
#[derive(Debug, Clone, Default)]
pub struct NewAnnotationType {
    /// Its name, at most 64 characters.
    pub name: String,
    /// What it is, at most 255 characters.
    pub description: Option<String>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewAnnotationType {
    /// One of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn unsaved(self) -> (AnnotationType, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = AnnotationType {
            annotation_type_id: 0,
            name: self.name,
            description: self.description,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-171, B-MOD-172.
impl Record for AnnotationType {
    const RULES: &'static [Rule] = &[Rule::taken("annotation_types_name_unique", "name")];

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
        let rivals = Self::scope().filter(Self::NAME.eq(self.name.as_str())).except_key(self.annotation_type_id.into());
        let [taken] = statement::ask(connection, [rivals.existence()]).await?;
        if taken {
            errors.add("name", Problem::Taken);
        }
        Ok(())
    }
}

record!(AnnotationType from NewAnnotationType);

impl AnnotationType {
    /// The one of this name, stored if it is not there. However many ask at once, there is one.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name that cannot be stored, and what the database says.
    pub async fn find_or_create<'c>(name: &str, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::of_name(name, &mut connection).await
    }

    pub(super) async fn of_name(name: &str, connection: &mut PgConnection) -> Result<Self, ModelError> {
        let (row, stamps) = NewAnnotationType::named(name).unsaved();
        let (found, _new) =
            record::find_or_create(connection, &Self::scope().filter(Self::NAME.eq(name)), &row, &stamps).await?;
        Ok(found)
    }

    /// The annotations of this kind.
    pub const TASK_ANNOTATIONS: HasMany<Self, TaskAnnotation> = HasMany::new(TaskAnnotation::ANNOTATION_TYPE_ID);

    /// Deletes the kind with its annotations.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        let mut transaction = connection.begin().await?;
        let this = ("AnnotationType", i64::from(self.annotation_type_id));
        record::delete_all(&mut transaction, &Self::TASK_ANNOTATIONS.scope(&self), this).await?;
        record::delete_row(&mut transaction, &self).await?;
        transaction.commit().await?;
        Ok(())
    }
}
