//! `tasker db`: making the schema in a database of the user's, comparing it with the original, and living there together
//! with others.

mod check;
mod create;
mod grant;
mod leave;
mod lines;
mod rails;
mod reindex;
mod shape;
mod status;

use std::io::{self, Write};

use clap::Subcommand;
use tasker_postgres::PgPool;
use tasker_postgres::maintenance::MaintenanceError;
use tasker_postgres::schema::{SchemaError, Shape};

pub use check::CheckArguments;
pub use create::ShapeChoice;
pub use grant::GrantArguments;
pub use rails::RailsArguments;
pub use shape::ReshapeArguments;

use crate::failure::ExitStatus;

/// What to do with the database.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DbCommand {
    /// Make Tasker's tables in the database, or what is missing beside the ones that are there
    Create(ShapeChoice),
    /// Add schema `tasker_engine` to a database whose tables another program made
    Adopt,
    /// Compare the database with the original schema; exit 0 when equal, 1 otherwise
    Check(CheckArguments),
    /// Show versions, sizes, tasks, steps and workers
    Status {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Make every index of the original, for a database that Rails uses or may use
    Full(ReshapeArguments),
    /// Drop duplicate indexes and those that are always empty
    Slim(ReshapeArguments),
    /// Keep only keys, unique indexes and those that Tasker uses
    Lean(ReshapeArguments),
    /// Rebuild the side tables from the record, while workers run
    Reindex {
        /// Go on after this task, where an earlier run was cut off
        #[arg(long, value_name = "TASK", default_value_t = 0)]
        after: i64,
    },
    /// Give a role the least rights that a worker needs
    Grant(GrantArguments),
    /// Write that migrations of a Rails application have run, so that it does not make what is there
    RailsVersions(RailsArguments),
    /// Drop schema `tasker_engine`; the record stays, and Rails goes on
    Leave {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbOutcome {
    /// The schema is as it should be: exit 0.
    Fine,
    /// `check` found differences: exit 1.
    Differs,
    /// Something could not be done and was said; the rest was: exit 1.
    Unfinished,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The schema could not be read or made, or must not be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database could not be looked after.
    #[error(transparent)]
    Maintenance(#[from] MaintenanceError),
    /// The user did not agree.
    #[error("nothing was dropped; add --yes to do it without being asked")]
    NotConfirmed,
    /// The document could not be written as JSON.
    #[error("the document could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
}

impl DbError {
    /// How the program ends.
    pub(crate) fn status(&self) -> ExitStatus {
        match self {
            Self::NotConfirmed => ExitStatus::Failed,
            Self::Maintenance(MaintenanceError::NotAVersion { .. }) => ExitStatus::Usage,
            // A rule of ours or somebody at work stands against it; the database itself is fine.
            Self::Maintenance(
                MaintenanceError::RailsNeedsEveryIndex { .. }
                | MaintenanceError::AtWork { .. }
                | MaintenanceError::Dependents { .. }
                | MaintenanceError::UnknownRole { .. },
            ) => ExitStatus::Failed,
            Self::Schema(_) | Self::Maintenance(_) | Self::Json(_) | Self::Output(_) => ExitStatus::Unavailable,
        }
    }
}

/// Runs the command on the database that `pool` reaches and writes what there is to say to `output`.
///
/// # Errors
/// [`DbError::Schema`] and [`DbError::Maintenance`] when the database cannot be read or changed, or refuses;
/// [`DbError::NotConfirmed`]; [`DbError::Output`] when `output` refuses.
pub async fn run(command: &DbCommand, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    match command {
        DbCommand::Create(choice) => create::create(*choice, pool, output).await,
        DbCommand::Adopt => create::adopt(pool, output).await,
        DbCommand::Check(arguments) => check::check(*arguments, pool, output).await,
        DbCommand::Status { json } => status::show(*json, pool, output).await,
        DbCommand::Full(arguments) => shape::reshape(Shape::Full, arguments, pool, output).await,
        DbCommand::Slim(arguments) => shape::reshape(Shape::Slim, arguments, pool, output).await,
        DbCommand::Lean(arguments) => shape::reshape(Shape::Lean, arguments, pool, output).await,
        DbCommand::Reindex { after } => reindex::reindex(*after, pool, output).await,
        DbCommand::Grant(arguments) => grant::grant(arguments, pool, output).await,
        DbCommand::RailsVersions(arguments) => rails::versions(arguments, pool, output).await,
        DbCommand::Leave { yes } => leave::leave(*yes, pool, output).await,
    }
}
