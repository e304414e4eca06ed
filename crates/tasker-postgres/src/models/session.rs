//! Where statements go.

use std::ops::{Deref, DerefMut};

use futures_util::stream::BoxStream;
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};

use super::ModelError;

/// A pool, a connection, an open transaction or a pair of databases: what every operation of a model takes.
///
/// Operations of several statements open a transaction, or a savepoint where one is open already, so that they are done
/// wholly or not at all.
#[derive(Debug)]
pub struct Session<'c>(Source<'c>);

#[derive(Debug)]
enum Source<'c> {
    Pool(&'c PgPool),
    Connection(&'c mut PgConnection),
    Databases(&'c Databases),
}

/// A database that is written to, and one that is read from: usually a copy that follows the first.
///
/// What only reads (`find`, scopes, associations, readiness, diagrams) asks the second. What writes asks the first, also
/// for all that it reads to decide what to write: the rules of a row, the guards of a transition, what `find_or_create`
/// looks for. So does `reload`, which is for seeing what was just written. A copy may lag behind: a row that was stored a
/// moment ago may not be found yet.
#[derive(Debug, Clone)]
pub struct Databases {
    primary: PgPool,
    reading: PgPool,
}

impl Databases {
    /// Writes to the first, reads from the second.
    #[must_use]
    pub fn new(primary: PgPool, reading: PgPool) -> Self {
        Self { primary, reading }
    }

    /// The database that is written to.
    #[must_use]
    pub fn primary(&self) -> &PgPool {
        &self.primary
    }

    /// The database that is read from.
    #[must_use]
    pub fn reading(&self) -> &PgPool {
        &self.reading
    }
}

impl<'c> From<&'c Databases> for Session<'c> {
    fn from(databases: &'c Databases) -> Self {
        Self(Source::Databases(databases))
    }
}

impl<'c> From<&'c PgPool> for Session<'c> {
    fn from(pool: &'c PgPool) -> Self {
        Self(Source::Pool(pool))
    }
}

impl<'c> From<&'c mut PgConnection> for Session<'c> {
    fn from(connection: &'c mut PgConnection) -> Self {
        Self(Source::Connection(connection))
    }
}

impl<'c> From<&'c mut PoolConnection<Postgres>> for Session<'c> {
    fn from(connection: &'c mut PoolConnection<Postgres>) -> Self {
        Self(Source::Connection(connection))
    }
}

impl<'c> From<&'c mut Transaction<'_, Postgres>> for Session<'c> {
    fn from(transaction: &'c mut Transaction<'_, Postgres>) -> Self {
        Self(Source::Connection(transaction))
    }
}

impl<'c> Session<'c> {
    /// The rows of a statement that only reads, as they arrive.
    pub(super) fn rows(self, sql: String, values: SqlxValues) -> BoxStream<'c, Result<PgRow, sqlx::Error>> {
        let query = sqlx::query_with(AssertSqlSafe(sql), values);
        match self.0 {
            Source::Pool(pool) => query.fetch(pool),
            Source::Connection(connection) => query.fetch(connection),
            Source::Databases(databases) => query.fetch(&databases.reading),
        }
    }

    /// A connection for as long as the operation takes, which only reads.
    pub(super) async fn acquire(self) -> Result<Held<'c>, ModelError> {
        match self.0 {
            Source::Pool(pool) => Ok(Held::Pooled(pool.acquire().await?)),
            Source::Connection(connection) => Ok(Held::Borrowed(connection)),
            Source::Databases(databases) => Ok(Held::Pooled(databases.reading.acquire().await?)),
        }
    }

    /// A connection for as long as the operation takes, which writes or must see what was just written.
    pub(super) async fn acquire_primary(self) -> Result<Held<'c>, ModelError> {
        match self.0 {
            Source::Databases(databases) => Ok(Held::Pooled(databases.primary.acquire().await?)),
            source => Self(source).acquire().await,
        }
    }
}

/// A connection that is held.
#[derive(Debug)]
pub(super) enum Held<'c> {
    Pooled(PoolConnection<Postgres>),
    Borrowed(&'c mut PgConnection),
}

impl Held<'_> {
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Postgres>, ModelError> {
        Ok(Connection::begin(&mut **self).await?)
    }
}

impl Deref for Held<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Borrowed(connection) => connection,
        }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Borrowed(connection) => connection,
        }
    }
}
