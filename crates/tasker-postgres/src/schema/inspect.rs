//! What kind of database this is, judged by the objects in it.

use super::{
    catalogue::begin, compare::compare_within, comparison::Comparison, engine::applied_version, error::SchemaError,
    reference::reference, shape::Shape,
};
use sqlx::{FromRow, PgConnection, Postgres, Transaction};

/// What kind of database this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// Neither Tasker's objects nor anybody's tables.
    Empty,
    /// Tables of an application, none of Tasker's.
    OtherApplication {
        /// These tables, with their schema.
        tables: Vec<String>,
    },
    /// The original's schema, or one that Tasker can work with.
    Complete {
        /// The shape that its indexes come nearest to.
        shape: Shape,
        /// Version of schema `tasker_engine`; `None` when it is not there.
        engine_version: Option<i32>,
    },
    /// Some of the objects, or different ones.
    Partial {
        /// What is missing or different.
        differences: Box<Comparison>,
    },
    /// Tasker's tables, but not in `public`.
    WrongSchema {
        /// Where they are.
        schema: String,
    },
}

/// Says what kind of database this is.
///
/// # Errors
/// When the catalogues cannot be read.
pub async fn inspect(connection: &mut PgConnection) -> Result<Inspection, SchemaError> {
    let mut transaction = begin(connection).await?;
    let inspection = inspect_within(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(inspection)
}

/// The shape for a database that was not made by us alone: full where the original's framework keeps its bookkeeping
/// tables, because its statements may use any index; slim elsewhere.
///
/// # Errors
/// When the catalogues cannot be read.
pub async fn default_shape(connection: &mut PgConnection) -> Result<Shape, SchemaError> {
    let mut transaction = begin(connection).await?;
    let inhabitants = Inhabitants::read(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(if inhabitants.has_rails_bookkeeping { Shape::Full } else { Shape::Slim })
}

/// As [`inspect`], in a transaction that [`begin`] began.
pub(super) async fn inspect_within(transaction: &mut Transaction<'_, Postgres>) -> Result<Inspection, SchemaError> {
    let inhabitants = Inhabitants::read(transaction).await?;
    if inhabitants.tables.is_empty()
        && let Some(schema) = inhabitants.elsewhere
    {
        return Ok(Inspection::WrongSchema { schema });
    }
    if inhabitants.tables.is_empty() && inhabitants.others.is_empty() {
        return Ok(match inhabitants.foreign_tables {
            tables if tables.is_empty() => Inspection::Empty,
            tables => Inspection::OtherApplication { tables },
        });
    }
    let comparison = compare_within(transaction).await?;
    if !comparison.is_usable() {
        return Ok(Inspection::Partial { differences: Box::new(comparison) });
    }
    Ok(Inspection::Complete { shape: comparison.shape, engine_version: applied_version(transaction).await? })
}

/// Whose objects are in the database.
#[derive(FromRow)]
struct Inhabitants {
    /// The original's tables that are in `public`.
    tables: Vec<String>,
    /// Views, sequences and functions with names of the original's in `public`.
    others: Vec<String>,
    /// A schema other than `public` with the original's tables.
    elsewhere: Option<String>,
    /// Everybody else's tables and views.
    foreign_tables: Vec<String>,
    has_rails_bookkeeping: bool,
}

impl Inhabitants {
    async fn read(transaction: &mut Transaction<'_, Postgres>) -> Result<Self, sqlx::Error> {
        let expected = reference();
        let relations = [expected.views.names(), expected.sequences.names()].concat();
        sqlx::query_as::<_, Self>(include_str!("../../sql/catalogue/inhabitants.sql"))
            .bind(expected.columns.names())
            .bind(relations)
            .bind(expected.functions.names())
            .persistent(false)
            .fetch_one(&mut **transaction)
            .await
    }
}
