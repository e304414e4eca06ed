//! Systems that steps talk to.

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::HasMany;
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{DependentSystemObjectMap, ModelError, NamedStep, Session};

model! {
    /// A system that steps belong to (`tasker_dependent_systems`).
    pub struct DependentSystem in "tasker_dependent_systems" by dependent_system_id {
        /// Primary key.
        dependent_system_id: i32 => DEPENDENT_SYSTEM_ID,
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

/// A system to store.
#[derive(Debug, Clone, Default)]
pub struct NewDependentSystem {
    /// Its name, at most 64 characters.
    pub name: String,
    /// What it is, at most 255 characters.
    pub description: Option<String>,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewDependentSystem {
    /// One of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn unsaved(self) -> (DependentSystem, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = DependentSystem {
            dependent_system_id: 0,
            name: self.name,
            description: self.description,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-171, B-MOD-172.
impl Record for DependentSystem {
    const RULES: &'static [Rule] = &[Rule::taken("dependent_systems_name_unique", "name")];

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
        let rivals =
            Self::scope().filter(Self::NAME.eq(self.name.as_str())).except_key(self.dependent_system_id.into());
        let [taken] = statement::ask(connection, [rivals.existence()]).await?;
        if taken {
            errors.add("name", Problem::Taken);
        }
        Ok(())
    }
}

record!(DependentSystem from NewDependentSystem);

impl DependentSystem {
    /// Most characters of a name.
    pub const LONGEST_NAME: usize = 64;
    /// The one of this name, stored if it is not there. However many ask at once, there is one.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a name that cannot be stored, and what the database says.
    pub async fn find_or_create<'c>(name: &str, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        Self::of_name(name, &mut connection).await
    }

    pub(super) async fn of_name(name: &str, connection: &mut PgConnection) -> Result<Self, ModelError> {
        let (row, stamps) = NewDependentSystem::named(name).unsaved();
        let (found, _new) =
            record::find_or_create(connection, &Self::scope().filter(Self::NAME.eq(name)), &row, &stamps).await?;
        Ok(found)
    }

    /// The steps that belong to the system.
    pub const NAMED_STEPS: HasMany<Self, NamedStep> = HasMany::new(NamedStep::DEPENDENT_SYSTEM_ID);
    /// The pairs of ids in which the system is the first.
    pub const MAPS_AS_FIRST: HasMany<Self, DependentSystemObjectMap> =
        HasMany::new(DependentSystemObjectMap::DEPENDENT_SYSTEM_ONE_ID);
    /// The pairs of ids in which the system is the second.
    pub const MAPS_AS_SECOND: HasMany<Self, DependentSystemObjectMap> =
        HasMany::new(DependentSystemObjectMap::DEPENDENT_SYSTEM_TWO_ID);

    /// Deletes the system with its pairs of ids, on whichever side it is, and its named steps.
    ///
    /// # Errors
    /// [`ModelError::RestrictedDelete`] while workflow steps or task types use one of its named steps; nothing is
    /// deleted then. What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        let mut transaction = connection.begin().await?;
        let this = ("DependentSystem", i64::from(self.dependent_system_id));
        let maps = Self::MAPS_AS_FIRST.scope(&self).or(Self::MAPS_AS_SECOND.scope(&self));
        record::delete_all(&mut transaction, &maps, this).await?;
        record::delete_all(&mut transaction, &Self::NAMED_STEPS.scope(&self), this).await?;
        record::delete_row(&mut transaction, &self).await?;
        transaction.commit().await?;
        Ok(())
    }
}
