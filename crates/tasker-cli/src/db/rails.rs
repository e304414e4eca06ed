//! `tasker db rails-versions`.

use std::io::Write;

use clap::Args;
use tasker_postgres::PgPool;
use tasker_postgres::maintenance;
use tasker_postgres::schema::Shape;

use super::{DbError, DbOutcome};

/// Which migrations.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RailsArguments {
    /// The numbers that the application gave its copies of the engine's migrations: the digits before the names of the
    /// files in its db/migrate
    #[arg(required = true, value_name = "VERSION")]
    versions: Vec<String>,
    /// What kind of database this is to Rails, such as production; left to Rails' first migration otherwise
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

pub(super) async fn versions(
    arguments: &RailsArguments,
    pool: &PgPool,
    output: &mut impl Write,
) -> Result<DbOutcome, DbError> {
    let done = maintenance::rails_versions(pool, &arguments.versions, arguments.environment.as_deref()).await?;
    if done.tables_made {
        writeln!(output, "made Rails' tables schema_migrations and ar_internal_metadata")?;
    }
    for version in &done.added {
        writeln!(output, "wrote {version}: to Rails this migration has run")?;
    }
    for version in &done.present {
        writeln!(output, "found {version}")?;
    }
    if done.shape != Shape::Full {
        writeln!(
            output,
            "the indexes have shape {}, and Rails' statements may use any of the original's: run `tasker db full`",
            done.shape
        )?;
    }
    Ok(DbOutcome::Fine)
}
