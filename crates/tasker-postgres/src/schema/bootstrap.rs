//! Making the schema: in one transaction, under a lock, so that it is there as a whole or not at all.

use super::{
    catalogue::begin_read_committed,
    engine::{EngineMigration, migrate},
    error::{OLDEST_SERVER, SchemaError},
    files::creation_script,
    inspect::{Inspection, inspect_within},
    shape::Shape,
};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};

/// Key of the advisory lock that keeps two programs from making the schema at once; the letters `tasker` and a number.
const BOOTSTRAP_LOCK: i64 = 0x7461_736b_6572_0001;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrapped {
    /// What happened to the original's objects.
    pub public: PublicObjects,
    /// Their shape.
    pub shape: Shape,
    /// What happened to schema `tasker_engine`.
    pub engine: EngineMigration,
}

/// What happened to the original's objects in schema `public`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicObjects {
    /// They were made.
    Created,
    /// They were there and were left as they are.
    Found,
}

/// Makes what is missing: everything in a database without Tasker's objects, only schema `tasker_engine` where the
/// original's objects are complete. Safe for any number of programs at once; doing it again changes nothing.
///
/// `shape` is that of a schema which is made here; one that is found keeps its own.
///
/// # Errors
/// [`SchemaError::Partial`] or [`SchemaError::WrongSchema`] when what is there is not Tasker's schema,
/// [`SchemaError::EngineTooNew`] after a newer release, [`SchemaError::ServerTooOld`], [`SchemaError::NotUtf8`],
/// [`SchemaError::ReadOnly`], [`SchemaError::NotPermitted`]. Nothing is written then.
pub async fn bootstrap(pool: &PgPool, shape: Shape) -> Result<Bootstrapped, SchemaError> {
    let mut connection = pool.acquire().await?;
    let made = make(&mut connection, shape).await;
    with_remedy(&mut connection, made).await
}

async fn make(connection: &mut PgConnection, shape: Shape) -> Result<Bootstrapped, SchemaError> {
    let mut transaction = begin_alone(connection).await?;
    let inspection = inspect_within(&mut transaction).await?;
    let done = complete(&mut transaction, inspection, shape).await?;
    transaction.commit().await?;
    Ok(done)
}

/// Where a right was missing, says which and how it is given.
async fn with_remedy<T>(connection: &mut PgConnection, done: Result<T, SchemaError>) -> Result<T, SchemaError> {
    let Err(error @ SchemaError::NotPermitted { .. }) = done else {
        return done;
    };
    // Asked on a transaction's ruins: what was begun is rolled back before.
    let (role, database) = sqlx::query_as::<_, (String, String)>("SELECT current_user::text, current_database()::text")
        .persistent(false)
        .fetch_one(connection)
        .await?;
    Err(error.of_making(&role, &database))
}

/// Adds schema `tasker_engine` to a database whose original objects another program made.
///
/// # Errors
/// [`SchemaError::NothingToAdopt`] when there are no such objects; otherwise as [`bootstrap`].
pub async fn adopt(pool: &PgPool) -> Result<Bootstrapped, SchemaError> {
    let mut connection = pool.acquire().await?;
    let adopted = adopt_alone(&mut connection).await;
    with_remedy(&mut connection, adopted).await
}

async fn adopt_alone(connection: &mut PgConnection) -> Result<Bootstrapped, SchemaError> {
    let mut transaction = begin_alone(connection).await?;
    let shape = match inspect_within(&mut transaction).await? {
        Inspection::Empty | Inspection::OtherApplication { .. } => return Err(SchemaError::NothingToAdopt),
        Inspection::Partial { differences } => return Err(SchemaError::Partial(differences)),
        Inspection::WrongSchema { schema } => return Err(SchemaError::WrongSchema { schema }),
        Inspection::Complete { shape, .. } => shape,
    };
    let engine = migrate(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Bootstrapped { public: PublicObjects::Found, shape, engine })
}

/// Begins the transaction in which nobody else makes the schema.
async fn begin_alone(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, SchemaError> {
    let mut transaction = begin_read_committed(connection).await?;
    check_server(&mut transaction).await?;
    // Waiting for another program that makes the schema is not a reason to give up.
    sqlx::raw_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(BOOTSTRAP_LOCK)
        .persistent(false)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

/// Refuses a server or database on which the schema would not work.
pub(super) async fn check_server(transaction: &mut Transaction<'_, Postgres>) -> Result<(), SchemaError> {
    let (number, version, encoding) = sqlx::query_as::<_, (i32, String, String)>(
        "SELECT current_setting('server_version_num')::integer, current_setting('server_version'), \
         current_setting('server_encoding')",
    )
    .persistent(false)
    .fetch_one(&mut **transaction)
    .await?;
    if number < OLDEST_SERVER {
        return Err(SchemaError::ServerTooOld { version });
    }
    if encoding != "UTF8" {
        return Err(SchemaError::NotUtf8 { encoding });
    }
    Ok(())
}

async fn complete(
    transaction: &mut Transaction<'_, Postgres>,
    inspection: Inspection,
    shape: Shape,
) -> Result<Bootstrapped, SchemaError> {
    let (public, shape) = match inspection {
        Inspection::Partial { differences } => return Err(SchemaError::Partial(differences)),
        Inspection::WrongSchema { schema } => return Err(SchemaError::WrongSchema { schema }),
        Inspection::Complete { shape, .. } => (PublicObjects::Found, shape),
        Inspection::Empty | Inspection::OtherApplication { .. } => {
            sqlx::raw_sql(AssertSqlSafe(creation_script(shape))).execute(&mut **transaction).await?;
            (PublicObjects::Created, shape)
        }
    };
    Ok(Bootstrapped { public, shape, engine: migrate(transaction).await? })
}
