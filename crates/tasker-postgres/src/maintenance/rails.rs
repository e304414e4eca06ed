//! Rails' bookkeeping, for an application that comes after us: so that its migrations do not make what is there.

use sqlx::{FromRow, PgPool};

use super::MaintenanceError;
use crate::schema::{Inspection, SchemaError, Shape, begin_read_committed, inspect};

/// What Rails multiplies the checksum of the database's name by, to get the key of its lock.
const RAILS_LOCK_FACTOR: i64 = 2_053_462_845;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RailsVersions {
    /// Whether either of the two tables was made.
    pub tables_made: bool,
    /// Versions that were written.
    pub added: Vec<String>,
    /// Versions that stood there.
    pub present: Vec<String>,
    /// The shape of the database: Rails needs [`Shape::Full`].
    pub shape: Shape,
}

#[derive(FromRow)]
struct Present {
    migrations: bool,
    metadata: bool,
}

/// Writes that these migrations of a Rails application have run, in one transaction under Rails' own lock. They are the
/// numbers that the application gave its copies of the engine's two migrations; it would fail on making what is there.
/// Rails' tables are made where they are missing. Doing it again changes nothing.
///
/// `environment` (`production` and the like) is written where Rails has not written its own yet; without it Rails does
/// so at its first migration.
///
/// # Errors
/// [`MaintenanceError::NotAVersion`], [`MaintenanceError::RailsMigrates`]; [`MaintenanceError::Schema`] when the tables
/// that those migrations make are not there as they must be.
pub async fn rails_versions(
    pool: &PgPool,
    versions: &[String],
    environment: Option<&str>,
) -> Result<RailsVersions, MaintenanceError> {
    if let Some(version) = versions.iter().find(|version| !is_version(version)) {
        return Err(MaintenanceError::NotAVersion { version: version.clone() });
    }
    let mut connection = pool.acquire().await?;
    let shape = match inspect(&mut connection).await? {
        Inspection::Empty | Inspection::OtherApplication { .. } => return Err(SchemaError::NothingToAdopt.into()),
        Inspection::Partial { differences } => return Err(SchemaError::Partial(differences).into()),
        Inspection::WrongSchema { schema } => return Err(SchemaError::WrongSchema { schema }.into()),
        Inspection::Complete { shape, .. } => shape,
    };
    let mut transaction = begin_read_committed(&mut connection).await?;
    let database: String =
        sqlx::query_scalar("SELECT current_database()::text").persistent(false).fetch_one(&mut *transaction).await?;
    let alone: bool = sqlx::query_scalar(include_str!("../../sql/maintenance/rails_lock.sql"))
        .bind(rails_lock_key(&database))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    if !alone {
        return Err(MaintenanceError::RailsMigrates);
    }
    let before: Present = sqlx::query_as(include_str!("../../sql/maintenance/rails_tables_present.sql"))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::raw_sql(include_str!("../../sql/maintenance/rails_schema_migrations.sql")).execute(&mut *transaction).await?;
    sqlx::raw_sql(include_str!("../../sql/maintenance/rails_internal_metadata.sql")).execute(&mut *transaction).await?;
    let mut added: Vec<String> = sqlx::query_scalar(include_str!("../../sql/maintenance/rails_versions.sql"))
        .bind(versions)
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await?;
    if let Some(environment) = environment {
        sqlx::query(include_str!("../../sql/maintenance/rails_environment.sql"))
            .bind(environment)
            .persistent(false)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    added.sort();
    let mut present: Vec<String> = versions.iter().filter(|version| !added.contains(version)).cloned().collect();
    present.sort();
    present.dedup();
    Ok(RailsVersions { tables_made: !(before.migrations && before.metadata), added, present, shape })
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The key of the advisory lock that Rails takes around a run of migrations on the database of this name.
#[must_use]
pub fn rails_lock_key(database: &str) -> i64 {
    RAILS_LOCK_FACTOR * i64::from(crc32(database.as_bytes()))
}

/// The checksum of zlib and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
