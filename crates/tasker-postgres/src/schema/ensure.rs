//! What a program does about the schema when it starts.

use super::{
    bootstrap::{Bootstrapped, PublicObjects, adopt, bootstrap, check_server},
    catalogue::begin,
    engine::{EngineMigration, check_version, known_version},
    error::SchemaError,
    inspect::{Inspection, inspect_within},
    shape::Shape,
};
use sqlx::PgPool;

/// What may be made unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The database is in a cluster that we made: everything, in the lean shape.
    Private,
    /// The database was named by the user, and may be an application's: only where there are no tables at all, in the
    /// slim shape.
    External,
}

/// Makes sure that the schema is there, making it where `policy` allows that unasked. A database that has all of
/// it is only read, so a role without the right to create objects will do.
///
/// # Errors
/// [`SchemaError::OtherApplication`] or [`SchemaError::NotAdopted`] where it may not happen unasked; otherwise as
/// [`bootstrap`].
pub async fn ensure(pool: &PgPool, policy: Policy) -> Result<Bootstrapped, SchemaError> {
    let inspection = {
        let mut connection = pool.acquire().await?;
        let mut transaction = begin(&mut connection).await?;
        check_server(&mut transaction).await?;
        let inspection = inspect_within(&mut transaction).await?;
        transaction.rollback().await?;
        inspection
    };
    match (inspection, policy) {
        (Inspection::Partial { differences }, _) => Err(SchemaError::Partial(differences)),
        (Inspection::WrongSchema { schema }, _) => Err(SchemaError::WrongSchema { schema }),
        (Inspection::OtherApplication { tables }, Policy::External) => Err(SchemaError::OtherApplication { tables }),
        (Inspection::Complete { engine_version: None, .. }, Policy::External) => Err(SchemaError::NotAdopted),
        (Inspection::Complete { shape, engine_version: Some(version) }, _) if version >= known_version() => {
            check_version(version)?;
            let engine = EngineMigration { from: Some(version), to: version };
            Ok(Bootstrapped { public: PublicObjects::Found, shape, engine })
        }
        (Inspection::Complete { .. }, _) => adopt(pool).await,
        (Inspection::Empty | Inspection::OtherApplication { .. }, Policy::Private) => {
            bootstrap(pool, Shape::Lean).await
        }
        (Inspection::Empty, Policy::External) => bootstrap(pool, Shape::Slim).await,
    }
}
