//! `tasker db`: making the schema in a database of the user's, and comparing it with the original.

use clap::{Args, Subcommand};
use std::io::{self, Write};
use tasker_postgres::{
    PgPool,
    schema::{self, Bootstrapped, Comparison, Inspection, PublicObjects, SchemaError, Shape},
};

/// What to do with the database.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DbCommand {
    /// Make Tasker's tables in the database, or what is missing beside the ones that are there
    Create(ShapeChoice),
    /// Add schema `tasker_engine` to a database whose tables another program made
    Adopt,
    /// Compare the database with the original schema; exit 0 when equal, 1 otherwise
    Check {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

/// Which of the original's indexes are made. Without a choice: all where Rails keeps its bookkeeping tables in the
/// database, else without duplicates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct ShapeChoice {
    /// All 99 indexes, for a database that Rails uses or may use
    #[arg(long)]
    full: bool,
    /// Without exact duplicates and indexes that are always empty
    #[arg(long)]
    slim: bool,
    /// Only keys, unique indexes and those that Tasker uses
    #[arg(long)]
    lean: bool,
}

impl ShapeChoice {
    const fn shape(self) -> Option<Shape> {
        if self.full {
            Some(Shape::Full)
        } else if self.slim {
            Some(Shape::Slim)
        } else if self.lean {
            Some(Shape::Lean)
        } else {
            None
        }
    }
}

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbOutcome {
    /// The schema is as it should be: exit 0.
    Fine,
    /// `check` found differences: exit 1.
    Differs,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The schema could not be read or made, or must not be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The comparison could not be written as JSON.
    #[error("the comparison could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command on the database that `pool` reaches and writes what there is to say to `output`.
///
/// # Errors
/// [`DbError::Schema`] when the database cannot be read or changed, or refuses; [`DbError::Output`] when `output` does.
pub async fn run(command: &DbCommand, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    match command {
        DbCommand::Create(choice) => create(*choice, pool, output).await,
        DbCommand::Adopt => {
            let done = schema::adopt(pool).await?;
            report(done, output)?;
            Ok(DbOutcome::Fine)
        }
        DbCommand::Check { json } => check(*json, pool, output).await,
    }
}

async fn create(choice: ShapeChoice, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let shape = if let Some(shape) = choice.shape() {
        shape
    } else {
        let mut connection = pool.acquire().await.map_err(SchemaError::from)?;
        schema::default_shape(&mut connection).await?
    };
    let done = schema::bootstrap(pool, shape).await?;
    report(done, output)?;
    if choice.shape().is_some() && done.shape != shape {
        writeln!(output, "the tables keep their shape: {} was asked for, {} was found", shape, done.shape)?;
    }
    Ok(DbOutcome::Fine)
}

fn report(done: Bootstrapped, output: &mut impl Write) -> io::Result<()> {
    match done.public {
        PublicObjects::Created => writeln!(output, "made Tasker's tables in schema public, shape {}", done.shape)?,
        PublicObjects::Found => writeln!(output, "found Tasker's tables in schema public, shape {}", done.shape)?,
    }
    match done.engine.from {
        None => writeln!(output, "made schema tasker_engine, version {}", done.engine.to),
        Some(from) if from == done.engine.to => writeln!(output, "found schema tasker_engine, version {from}"),
        Some(from) => writeln!(output, "brought schema tasker_engine from version {from} to {}", done.engine.to),
    }
}

async fn check(json: bool, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let mut connection = pool.acquire().await.map_err(SchemaError::from)?;
    // A database without the tables, or with them elsewhere, has nothing to compare: one sentence says more than a
    // list of everything that is missing.
    match schema::inspect(&mut connection).await? {
        Inspection::Empty | Inspection::OtherApplication { .. } => return Err(SchemaError::NothingToAdopt.into()),
        Inspection::WrongSchema { schema } => return Err(SchemaError::WrongSchema { schema }.into()),
        Inspection::Complete { .. } | Inspection::Partial { .. } => {}
    }
    let comparison = schema::compare(&mut connection).await?;
    write_comparison(json, &comparison, output)?;
    Ok(if comparison.is_equal() { DbOutcome::Fine } else { DbOutcome::Differs })
}

fn write_comparison(json: bool, comparison: &Comparison, output: &mut impl Write) -> Result<(), DbError> {
    if json {
        serde_json::to_writer_pretty(&mut *output, comparison)?;
        writeln!(output)?;
    } else {
        write!(output, "{comparison}")?;
    }
    Ok(())
}
