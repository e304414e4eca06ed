//! One thing's ids in two systems.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use sqlx::PgConnection;

use super::association::BelongsTo;
use super::model::model;
use super::record::{self, Record, Rule, Stamps, record};
use super::scope::Scope;
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{DependentSystem, ModelError, Session};

model! {
    /// A pair of ids of one thing in two systems (`tasker_dependent_system_object_maps`).
    pub struct DependentSystemObjectMap in "tasker_dependent_system_object_maps" by dependent_system_object_map_id {
        /// Primary key.
        dependent_system_object_map_id: i64 => DEPENDENT_SYSTEM_OBJECT_MAP_ID,
        /// The first system.
        dependent_system_one_id: i32 => DEPENDENT_SYSTEM_ONE_ID,
        /// The second system.
        dependent_system_two_id: i32 => DEPENDENT_SYSTEM_TWO_ID,
        /// The thing's id in the first system.
        remote_id_one: String => REMOTE_ID_ONE,
        /// The thing's id in the second system.
        remote_id_two: String => REMOTE_ID_TWO,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// A pair of ids to store.
#[derive(Debug, Clone)]
pub struct NewDependentSystemObjectMap {
    /// The first system.
    pub dependent_system_one_id: i32,
    /// The thing's id in the first system, at most 128 characters.
    pub remote_id_one: String,
    /// The second system.
    pub dependent_system_two_id: i32,
    /// The thing's id in the second system, at most 128 characters.
    pub remote_id_two: String,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewDependentSystemObjectMap {
    /// The same thing in two systems, with its id in each.
    #[must_use]
    pub fn between(one: (&DependentSystem, &str), two: (&DependentSystem, &str)) -> Self {
        Self {
            dependent_system_one_id: one.0.dependent_system_id,
            remote_id_one: one.1.to_owned(),
            dependent_system_two_id: two.0.dependent_system_id,
            remote_id_two: two.1.to_owned(),
            created_at: None,
            updated_at: None,
        }
    }

    fn unsaved(self) -> (DependentSystemObjectMap, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = DependentSystemObjectMap {
            dependent_system_object_map_id: 0,
            dependent_system_one_id: self.dependent_system_one_id,
            dependent_system_two_id: self.dependent_system_two_id,
            remote_id_one: self.remote_id_one,
            remote_id_two: self.remote_id_two,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-039. The unique index over the four columns has no validation in the original: a second row is
/// [`ModelError::NotUnique`].
impl Record for DependentSystemObjectMap {
    const RULES: &'static [Rule] = &[
        Rule::parent("dependent_system_object_maps_dependent_system_one_id_foreign", "dependent_system_one"),
        Rule::parent("dependent_system_object_maps_dependent_system_two_id_foreign", "dependent_system_two"),
    ];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.present("remote_id_one", &self.remote_id_one);
        errors.text("remote_id_one", &self.remote_id_one, Some(128));
        errors.present("remote_id_two", &self.remote_id_two);
        errors.text("remote_id_two", &self.remote_id_two, Some(128));
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let one = DependentSystem::scope().with_keys([self.dependent_system_one_id.into()]);
        let two = DependentSystem::scope().with_keys([self.dependent_system_two_id.into()]);
        let [one_there, two_there] = statement::ask(connection, [one.existence(), two.existence()]).await?;
        if !one_there {
            errors.add("dependent_system_one", Problem::MustExist);
        }
        if !two_there {
            errors.add("dependent_system_two", Problem::MustExist);
        }
        Ok(())
    }
}

record!(DependentSystemObjectMap from NewDependentSystemObjectMap);

impl DependentSystemObjectMap {
    /// The first system.
    pub const DEPENDENT_SYSTEM_ONE: BelongsTo<Self, DependentSystem> = BelongsTo::new(Self::DEPENDENT_SYSTEM_ONE_ID);
    /// The second system.
    pub const DEPENDENT_SYSTEM_TWO: BelongsTo<Self, DependentSystem> = BelongsTo::new(Self::DEPENDENT_SYSTEM_TWO_ID);

    /// The pair of these ids, whichever side each is on; stored in the order given if it is not there (B-MOD-037). The
    /// systems are found or stored by name (B-MOD-038).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for names and ids that cannot be stored, and what the database says.
    pub async fn find_or_create<'c>(
        one: (&str, &str),
        two: (&str, &str),
        session: impl Into<Session<'c>>,
    ) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        // In the order of their names and each for itself: two callers with the sides exchanged would else wait for
        // each other for ever.
        let mut systems = HashMap::new();
        for name in BTreeSet::from([one.0, two.0]) {
            systems.insert(name, DependentSystem::of_name(name, &mut connection).await?);
        }
        let (first, second) = (&systems[one.0], &systems[two.0]);
        let mut transaction = connection.begin().await?;
        // The mirrored pair has no unique index: rivals wait for each other at the rows of the two systems, in the
        // order of their ids.
        lock(&mut transaction, [first.dependent_system_id, second.dependent_system_id]).await?;
        let new = NewDependentSystemObjectMap {
            dependent_system_one_id: first.dependent_system_id,
            remote_id_one: one.1.to_owned(),
            dependent_system_two_id: second.dependent_system_id,
            remote_id_two: two.1.to_owned(),
            created_at: None,
            updated_at: None,
        };
        let (row, stamps) = new.unsaved();
        let either_way = row.as_scope().or(row.mirrored().as_scope());
        let (found, _new) = record::find_or_create(&mut transaction, &either_way, &row, &stamps).await?;
        transaction.commit().await?;
        Ok(found)
    }

    fn mirrored(&self) -> Self {
        Self {
            dependent_system_one_id: self.dependent_system_two_id,
            dependent_system_two_id: self.dependent_system_one_id,
            remote_id_one: self.remote_id_two.clone(),
            remote_id_two: self.remote_id_one.clone(),
            ..self.clone()
        }
    }

    fn as_scope(&self) -> Scope<Self> {
        Self::scope()
            .filter(Self::DEPENDENT_SYSTEM_ONE_ID.eq(self.dependent_system_one_id))
            .filter(Self::DEPENDENT_SYSTEM_TWO_ID.eq(self.dependent_system_two_id))
            .filter(Self::REMOTE_ID_ONE.eq(self.remote_id_one.as_str()))
            .filter(Self::REMOTE_ID_TWO.eq(self.remote_id_two.as_str()))
    }

    /// Deletes the pair.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }
}

async fn lock(connection: &mut PgConnection, systems: [i32; 2]) -> Result<(), ModelError> {
    let keys = systems.map(i64::from);
    let mut select = DependentSystem::scope()
        .with_keys(keys)
        .order(DependentSystem::DEPENDENT_SYSTEM_ID.asc())
        .select_only(DependentSystem::DEPENDENT_SYSTEM_ID.expr());
    select.lock(sea_query::LockType::NoKeyUpdate);
    statement::all(connection, statement::built(&select)).await?;
    Ok(())
}
