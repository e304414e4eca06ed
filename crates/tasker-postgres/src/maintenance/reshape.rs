//! Changing which of the original's indexes a database has, while it is in use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection, PgPool};

use super::MaintenanceError;
use crate::schema::{
    IndexClass, IndexDefinition, Inspection, ObjectKind, Problem, SchemaError, Shape, compare, default_shape, indexes,
    inspect,
};

/// How often a lock that could not be had is tried again.
const TRIES: u32 = 3;

/// What is done with one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexAction {
    /// It is made.
    Make,
    /// An interrupted run left it unusable: it is dropped and made again.
    Rebuild,
    /// It is dropped.
    Drop,
}

/// One index that is to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexChange {
    /// Which.
    pub index: &'static IndexDefinition,
    /// What is done.
    pub action: IndexAction,
    /// Bytes that it has now; 0 when it is not there.
    pub bytes_before: i64,
}

/// What is to be done for a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReshapePlan {
    /// The shape that the indexes come nearest to.
    pub from: Shape,
    /// The shape that is wanted.
    pub to: Shape,
    /// What changes: first what is made, so that nothing becomes slow in between.
    pub changes: Vec<IndexChange>,
    /// Names of indexes that bear a name of the original's and are something else; they are left alone.
    pub foreign: Vec<String>,
}

/// What is told on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReshapeProgress {
    /// An index is about to change.
    Begin {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What is done.
        change: IndexChange,
    },
    /// A lock could not be had; it is tried again.
    Again {
        /// The index.
        index: &'static IndexDefinition,
    },
    /// An index has changed.
    Done {
        /// What was done.
        change: IndexChange,
        /// Bytes that it has now; 0 when it is gone.
        bytes_after: i64,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshaped {
    /// What was planned and is done.
    pub plan: ReshapePlan,
    /// Bytes of all indexes of Tasker's tables before.
    pub bytes_before: i64,
    /// And now.
    pub bytes_after: i64,
}

#[derive(FromRow)]
struct Found {
    name: String,
    usable: bool,
    bytes: i64,
}

/// Says what would change; changes nothing.
///
/// # Errors
/// [`MaintenanceError::RailsNeedsEveryIndex`]; [`MaintenanceError::Schema`] when this is not Tasker's schema or cannot
/// be read.
pub async fn plan_reshape(pool: &PgPool, shape: Shape) -> Result<ReshapePlan, MaintenanceError> {
    let mut connection = pool.acquire().await?;
    plan(&mut connection, shape).await
}

/// Makes and drops indexes until the database has this shape. Others can read and write meanwhile. When it is cut off,
/// what was done stays, and running it again goes on; doing it again afterwards changes nothing.
///
/// It needs a session of its own: not through a pooler that shares sessions between transactions.
///
/// # Errors
/// As [`plan_reshape`], and [`MaintenanceError::BeingReshaped`], [`MaintenanceError::Locked`] after `lock_timeout`.
pub async fn reshape(
    pool: &PgPool,
    shape: Shape,
    lock_timeout: Duration,
    told: impl FnMut(ReshapeProgress),
) -> Result<Reshaped, MaintenanceError> {
    // A connection that ends with this call takes its settings and its lock along.
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    let reshaped = reshape_alone(&mut connection, shape, lock_timeout, told).await;
    let closed = connection.close().await;
    let done = reshaped?;
    closed?;
    Ok(done)
}

async fn reshape_alone(
    connection: &mut PgConnection,
    shape: Shape,
    lock_timeout: Duration,
    mut told: impl FnMut(ReshapeProgress),
) -> Result<Reshaped, MaintenanceError> {
    let alone: bool = sqlx::query_scalar(include_str!("../../sql/maintenance/try_reshape_lock.sql"))
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    if !alone {
        return Err(MaintenanceError::BeingReshaped);
    }
    let plan = plan(connection, shape).await?;
    let settings = format!("SET statement_timeout = 0; SET lock_timeout = {}", lock_timeout.as_millis());
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut *connection).await?;
    let bytes_before = all_bytes(connection).await?;
    for (place, change) in plan.changes.iter().enumerate() {
        told(ReshapeProgress::Begin { number: place + 1, of: plan.changes.len(), change: *change });
        let bytes_after = carry_out(connection, *change, &mut told).await?;
        told(ReshapeProgress::Done { change: *change, bytes_after });
    }
    let bytes_after = all_bytes(connection).await?;
    Ok(Reshaped { plan, bytes_before, bytes_after })
}

async fn plan(connection: &mut PgConnection, shape: Shape) -> Result<ReshapePlan, MaintenanceError> {
    let from = match inspect(connection).await? {
        Inspection::Empty | Inspection::OtherApplication { .. } => return Err(SchemaError::NothingToAdopt.into()),
        Inspection::Partial { differences } => return Err(SchemaError::Partial(differences).into()),
        Inspection::WrongSchema { schema } => return Err(SchemaError::WrongSchema { schema }.into()),
        Inspection::Complete { shape, .. } => shape,
    };
    if shape != Shape::Full && default_shape(connection).await? == Shape::Full {
        return Err(MaintenanceError::RailsNeedsEveryIndex { shape });
    }
    let found: Vec<Found> = sqlx::query_as(include_str!("../../sql/maintenance/indexes.sql"))
        .bind(table_names())
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    let found: BTreeMap<&str, &Found> = found.iter().map(|index| (index.name.as_str(), index)).collect();
    let comparison = compare(connection).await?;
    let foreign: Vec<String> = indexes()
        .iter()
        .filter(|index| {
            let name = format!("{}.{}", index.table, index.name);
            found.get(index.name).is_some_and(|found| found.usable)
                && comparison.differences.iter().any(|difference| {
                    difference.kind == ObjectKind::Index
                        && difference.name == name
                        && matches!(difference.problem, Problem::Different { .. })
                })
        })
        .map(|index| index.name.to_owned())
        .collect();
    let mut changes = Vec::new();
    for index in indexes().iter().filter(|index| index.class != IndexClass::Key) {
        let present = found.get(index.name);
        let action = match (shape.has(index.class), present) {
            (true, Some(present)) if present.usable => continue,
            (true, Some(_)) => IndexAction::Rebuild,
            (true, None) => IndexAction::Make,
            (false, Some(_)) => IndexAction::Drop,
            (false, None) => continue,
        };
        if foreign.iter().any(|name| name == index.name) {
            continue;
        }
        changes.push(IndexChange { index, action, bytes_before: present.map_or(0, |present| present.bytes) });
    }
    changes.sort_by_key(|change| change.action == IndexAction::Drop);
    Ok(ReshapePlan { from, to: shape, changes, foreign })
}

/// Carries out one change and returns the bytes that the index has then.
async fn carry_out(
    connection: &mut PgConnection,
    change: IndexChange,
    told: &mut impl FnMut(ReshapeProgress),
) -> Result<i64, MaintenanceError> {
    let index = change.index;
    let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS public.{}", index.name);
    let make = index.create_concurrently_statement().filter(|_| change.action != IndexAction::Drop);
    let mut leftover = change.action != IndexAction::Make;
    let mut tries = 1;
    loop {
        let mut tried = Ok(());
        if leftover {
            tried = execute(connection, &drop).await;
        }
        if let (Ok(()), Some(make)) = (&tried, &make) {
            tried = execute(connection, make).await;
            // What a build leaves that did not come to its end is there and unusable.
            leftover = tried.is_err();
        }
        match tried {
            Ok(()) => break,
            Err(error) if timed_out(&error) && tries < TRIES => {
                tries += 1;
                told(ReshapeProgress::Again { index });
            }
            Err(error) if timed_out(&error) => {
                let action = if make.is_some() { "made" } else { "dropped" };
                return Err(MaintenanceError::Locked { index: index.name.to_owned(), action });
            }
            Err(error) => return Err(error.into()),
        }
    }
    let bytes: Option<i64> = sqlx::query_scalar(include_str!("../../sql/maintenance/index_bytes.sql"))
        .bind(index.name)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    Ok(bytes.unwrap_or(0))
}

/// Outside of a transaction, and as the only statement of its message: `CONCURRENTLY` wants both.
async fn execute(connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map(|_| ())
}

fn timed_out(error: &sqlx::Error) -> bool {
    // lock_not_available, and deadlock_detected: of two builds on one table one gives way
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03" || code == "40P01")
}

async fn all_bytes(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(include_str!("../../sql/maintenance/size_of_indexes.sql"))
        .bind(table_names())
        .persistent(false)
        .fetch_one(connection)
        .await
}

/// The original's tables.
pub(super) fn table_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = indexes().iter().map(|index| index.table).collect();
    names.dedup();
    names
}
