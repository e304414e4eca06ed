//! Writing rows: checked, with the original's time stamps.

use sea_query::{Expr, ExprTrait, OnConflict, Query};
use sqlx::PgConnection;

use super::column::AnyColumn;
use super::scope::Scope;
use super::statement::{self, built, instant};
use super::validation::{Problem, ValidationErrors};
use super::{Model, ModelError};

/// A constraint or unique index whose violation is a broken rule. Rules are checked before a write; this is what a rival
/// in between turns them into.
#[derive(Debug)]
pub(super) struct Rule {
    /// Name of the constraint or index.
    pub(super) constraint: &'static str,
    /// The field that is to blame.
    pub(super) field: &'static str,
    /// What is wrong with it.
    pub(super) problem: Problem,
}

impl Rule {
    pub(super) const fn taken(constraint: &'static str, field: &'static str) -> Self {
        Self { constraint, field, problem: Problem::Taken }
    }

    pub(super) const fn parent(constraint: &'static str, field: &'static str) -> Self {
        Self { constraint, field, problem: Problem::MustExist }
    }
}

/// A model whose rows are written.
pub(super) trait Record: Model {
    /// The database's constraints that stand for rules.
    const RULES: &'static [Rule];

    /// Rules that need nothing but the row.
    fn check(&self, errors: &mut ValidationErrors);

    /// Rules that need other rows: parents and uniqueness. `self` has key 0 if it is not stored yet.
    fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> impl Future<Output = Result<(), ModelError>> + Send;
}

/// The time stamps of a new row, and the columns whose value the database computes. For these the row has stand-ins.
pub(super) struct Stamps {
    pub(super) created_at: chrono::NaiveDateTime,
    pub(super) updated_at: chrono::NaiveDateTime,
    computed: Vec<(&'static str, Expr)>,
}

impl Stamps {
    pub(super) fn of(created_at: Option<chrono::NaiveDateTime>, updated_at: Option<chrono::NaiveDateTime>) -> Self {
        let mut stamps = Self {
            created_at: created_at.unwrap_or_default(),
            updated_at: updated_at.unwrap_or_default(),
            computed: Vec::new(),
        };
        if created_at.is_none() {
            stamps.compute("created_at", instant());
        }
        if updated_at.is_none() {
            stamps.compute("updated_at", instant());
        }
        stamps
    }

    /// The database is to compute this column.
    pub(super) fn compute(&mut self, column: &'static str, expr: Expr) {
        self.computed.push((column, expr));
    }
}

/// Checks a new row and writes it. Its key and the columns that are stamped are the database's.
pub(super) async fn create<M: Record>(
    connection: &mut PgConnection,
    row: &M,
    stamps: &Stamps,
) -> Result<M, ModelError> {
    checked(connection, row).await?;
    insert(connection, row, stamps).await.map_err(refused::<M>)
}

/// Writes a new row that was checked.
pub(super) async fn insert<M: Record>(
    connection: &mut PgConnection,
    row: &M,
    stamps: &Stamps,
) -> Result<M, sqlx::Error> {
    M::read(&statement::one(connection, built(&inserting(row, stamps))).await?)
}

/// The row that `found` describes, or else this new one, and whether it is new. Of rivals, one writes it and the others find it.
/// The statement waits for rivals that have written and not committed.
pub(super) async fn find_or_create<M: Record>(
    connection: &mut PgConnection,
    found: &Scope<M>,
    row: &M,
    stamps: &Stamps,
) -> Result<(M, bool), ModelError> {
    // A row that made the insert step back can be deleted before it is read: then the turn begins anew.
    let mut errors = ValidationErrors::default();
    row.check(&mut errors);
    if errors.forbid_questions() {
        return Err(ModelError::Invalid(errors));
    }
    for _turn in 0..FIND_OR_CREATE_TURNS {
        if let Some(present) = found.first_row(connection).await? {
            return Ok((present, false));
        }
        // A row that is there already is found even if it breaks a rule; a new one may not.
        if !errors.is_empty() {
            return Err(ModelError::Invalid(errors));
        }
        let mut statement = inserting(row, stamps);
        statement.on_conflict(OnConflict::new().do_nothing().to_owned());
        match statement::optional(connection, built(&statement)).await {
            Ok(Some(stored)) => return Ok((M::read(&stored)?, true)),
            Ok(None) => {}
            Err(error) => return Err(refused::<M>(error)),
        }
    }
    Err(ModelError::NotFound { model: M::MODEL, key: "that was there a moment ago".to_owned() })
}

/// How often a row may vanish between two statements before a search for it gives up.
const FIND_OR_CREATE_TURNS: usize = 5;

/// Every rule, checked.
pub(super) async fn checked<M: Record>(connection: &mut PgConnection, row: &M) -> Result<(), ModelError> {
    let mut errors = ValidationErrors::default();
    row.check(&mut errors);
    if !errors.forbid_questions() {
        row.check_stored(connection, &mut errors).await?;
    }
    if errors.is_empty() { Ok(()) } else { Err(ModelError::Invalid(errors)) }
}

fn inserting<M: Model>(row: &M, stamps: &Stamps) -> sea_query::InsertStatement {
    let key = M::key_column().name;
    let columns: Vec<AnyColumn<M>> = M::columns().iter().copied().filter(|column| column.name != key).collect();
    let values = columns.iter().map(|column| {
        let computed = stamps.computed.iter().find(|(name, _)| *name == column.name);
        computed.map_or_else(|| column.bound((column.value)(row)), |(_, expr)| expr.clone())
    });
    let mut insert = Query::insert();
    insert.into_table(("public", M::TABLE)).columns(columns.iter().map(|column| column.name)).values_panic(values);
    insert.returning(returned::<M>());
    insert
}

fn returned<M: Model>() -> sea_query::ReturningClause {
    Query::returning().columns(M::columns().iter().map(|column| column.name))
}

/// Changes a stored row: the closure changes a copy, its rules are checked, and what differs is written, with
/// `updated_at`. Columns that stay as they are are not written, so that a rival's change of them is kept. Nothing is
/// checked or written where nothing differs.
pub(super) async fn update<M: Record>(
    connection: &mut PgConnection,
    row: &mut M,
    change: impl FnOnce(&mut M),
) -> Result<(), ModelError> {
    let mut changed = row.clone();
    change(&mut changed);
    let mut update = Query::update();
    update.table(("public", M::TABLE));
    let mut differs = false;
    for column in M::columns() {
        let value = (column.value)(&changed);
        if value != (column.value)(row) {
            differs = true;
            update.value(column.name, column.bound(value));
        }
    }
    if !differs {
        return Ok(());
    }
    if changed.key() != row.key() {
        let mut errors = ValidationErrors::default();
        errors.rule(M::key_column().name, "cannot be changed");
        return Err(ModelError::Invalid(errors));
    }
    checked(connection, &changed).await?;
    let stamped = M::columns().iter().find(|column| column.name == "updated_at");
    if stamped.is_some_and(|column| (column.value)(&changed) == (column.value)(row)) {
        update.value("updated_at", instant());
    }
    update.and_where(Expr::col(M::key_column().name).eq(Expr::val(row.key())));
    update.returning(returned::<M>());
    match statement::optional(connection, built(&update)).await {
        Ok(Some(stored)) => *row = M::read(&stored)?,
        Ok(None) => return Err(not_found::<M>(row.key())),
        Err(error) => return Err(refused::<M>(error)),
    }
    Ok(())
}

/// Deletes the rows of a scope. One that is gone already is as good as deleted.
pub(super) async fn delete_all<M: Model>(
    connection: &mut PgConnection,
    scope: &Scope<M>,
    parent: (&'static str, i64),
) -> Result<u64, ModelError> {
    let key = M::key_column().name;
    let mut delete = Query::delete();
    delete.from_table(("public", M::TABLE));
    delete.and_where(Expr::col(key).in_subquery(scope.select_only(Expr::col((M::TABLE, key)))));
    match statement::execute(connection, built(&delete)).await {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => Err(held(error, parent)),
    }
}

/// Deletes one row.
pub(super) async fn delete_row<M: Model>(connection: &mut PgConnection, row: &M) -> Result<(), ModelError> {
    delete_all(connection, &Scope::<M>::every().with_keys([row.key()]), (M::MODEL, row.key())).await?;
    Ok(())
}

/// Reads a row by its primary key.
pub(super) async fn find<M: Model>(connection: &mut PgConnection, key: i64) -> Result<M, ModelError> {
    Scope::<M>::every().with_keys([key]).first_row(connection).await?.ok_or_else(|| not_found::<M>(key))
}

pub(super) fn not_found<M: Model>(key: i64) -> ModelError {
    ModelError::NotFound { model: M::MODEL, key: key.to_string() }
}

/// What a refused write means.
fn refused<M: Record>(error: sqlx::Error) -> ModelError {
    let Some(database) = error.as_database_error() else { return error.into() };
    let constraint = database.constraint().unwrap_or_default();
    if let Some(rule) = M::RULES.iter().find(|rule| rule.constraint == constraint) {
        let mut errors = ValidationErrors::default();
        errors.add(rule.field, rule.problem.clone());
        return ModelError::Invalid(errors);
    }
    if database.is_unique_violation() {
        return ModelError::NotUnique { model: M::MODEL, index: constraint.to_owned() };
    }
    error.into()
}

/// What a refused deletion means: rows of another table refer to the row.
fn held(error: sqlx::Error, (model, key): (&'static str, i64)) -> ModelError {
    let Some(database) = error.as_database_error().filter(|database| database.is_foreign_key_violation()) else {
        return error.into();
    };
    ModelError::RestrictedDelete { model, key, held_by: database.table().unwrap_or_default().to_owned() }
}

/// Declares what every written model offers: `find`, `create`, `update`.
macro_rules! record {
    ($model:ident from $new:ident) => {
        impl $model {
            /// Reads a row by its primary key.
            ///
            /// # Errors
            /// [`ModelError::NotFound`](crate::models::ModelError::NotFound) and what the database says.
            pub async fn find<'c>(
                key: impl Into<i64>,
                session: impl Into<crate::models::Session<'c>>,
            ) -> Result<Self, crate::models::ModelError> {
                let key = key.into();
                let mut connection = session.into().acquire().await?;
                crate::models::record::find(&mut connection, key).await
            }

            /// Checks a new row and stores it. Time stamps that are not given are the database's instant, in UTC.
            ///
            /// # Errors
            /// [`ModelError::Invalid`](crate::models::ModelError::Invalid) with every broken rule, and what the
            /// database says.
            pub async fn create<'c>(
                new: $new,
                session: impl Into<crate::models::Session<'c>>,
            ) -> Result<Self, crate::models::ModelError> {
                let (row, stamps) = new.unsaved();
                let mut connection = session.into().acquire_primary().await?;
                crate::models::record::create(&mut connection, &row, &stamps).await
            }

            /// Changes the row: the closure changes a copy, the rules are checked, and the columns that differ are
            /// written together with `updated_at`. Other columns keep what a rival wrote there meanwhile. Afterwards
            /// the value is the row as it is stored.
            ///
            /// # Errors
            /// [`ModelError::Invalid`](crate::models::ModelError::Invalid) with every broken rule,
            /// [`ModelError::NotFound`](crate::models::ModelError::NotFound) for a row that was deleted, and what the
            /// database says. The value is unchanged then.
            pub async fn update<'c>(
                &mut self,
                session: impl Into<crate::models::Session<'c>>,
                change: impl FnOnce(&mut Self),
            ) -> Result<(), crate::models::ModelError> {
                let mut connection = session.into().acquire_primary().await?;
                crate::models::record::update(&mut connection, self, change).await
            }

            /// Reads the row again.
            ///
            /// # Errors
            /// [`ModelError::NotFound`](crate::models::ModelError::NotFound) and what the database says.
            pub async fn reload<'c>(
                &mut self,
                session: impl Into<crate::models::Session<'c>>,
            ) -> Result<(), crate::models::ModelError> {
                let mut connection = session.into().acquire_primary().await?;
                *self = crate::models::record::find(&mut connection, crate::models::Model::key(self)).await?;
                Ok(())
            }
        }
    };
}

pub(super) use record;
