//! `tasker db create` and `adopt`.

use std::io::{self, Write};

use clap::Args;
use tasker_postgres::PgPool;
use tasker_postgres::schema::{self, Bootstrapped, PublicObjects, ReadinessFunctions, SchemaError, Shape};

use super::{DbError, DbOutcome, reindex};

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

pub(super) async fn create(choice: ShapeChoice, pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
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

pub(super) async fn adopt(pool: &PgPool, output: &mut impl Write) -> Result<DbOutcome, DbError> {
    let done = schema::adopt(pool).await?;
    report(done, output)?;
    let readiness = {
        let mut connection = pool.acquire().await.map_err(SchemaError::from)?;
        schema::readiness_functions(&mut connection).await?
    };
    if readiness != ReadinessFunctions::Ours {
        writeln!(output, "the functions that tell which steps are ready are {readiness}; they stay as they are")?;
    }
    reindex::fill(pool, output).await
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
