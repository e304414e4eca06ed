//! `tasker db check`.

use std::io::Write;

use clap::Args;
use serde::Serialize;
use tasker_postgres::PgPool;
use tasker_postgres::schema::{self, Comparison, Inspection, ReadinessFunctions, SchemaError};

use super::{DbError, DbOutcome};

/// How strictly, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct CheckArguments {
    /// Let everything count that stands beside the original on its tables: further indexes, columns, triggers
    #[arg(long)]
    strict: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    /// Whether the command ends with 0.
    equal: bool,
    strict: bool,
    readiness_functions: ReadinessFunctions,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

pub(super) async fn check(
    arguments: CheckArguments,
    pool: &PgPool,
    output: &mut impl Write,
) -> Result<DbOutcome, DbError> {
    let mut connection = pool.acquire().await.map_err(SchemaError::from)?;
    // A database without the tables, or with them elsewhere, has nothing to compare: one sentence says more than a
    // list of everything that is missing.
    match schema::inspect(&mut connection).await {
        Ok(Inspection::Empty | Inspection::OtherApplication { .. }) => return Err(SchemaError::NothingToAdopt.into()),
        Ok(Inspection::WrongSchema { schema }) => return Err(SchemaError::WrongSchema { schema }.into()),
        Ok(Inspection::Complete { .. } | Inspection::Partial { .. }) => {}
        // The catalogues are open to everybody; only the version of schema tasker_engine is not, and it is not asked for.
        Err(SchemaError::NotPermitted { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let comparison = schema::compare(&mut connection).await?;
    let CheckArguments { strict, json } = arguments;
    let equal = if strict { comparison.is_strictly_equal() } else { comparison.is_equal() };
    // A function that is missing or of another kind is among the differences already and cannot be tried.
    let callable = !comparison.differences.iter().any(|difference| difference.kind == schema::ObjectKind::Function);
    let readiness_functions = if comparison.is_usable() && callable {
        schema::readiness_functions(&mut connection).await?
    } else {
        ReadinessFunctions::NotTried
    };
    if json {
        let document = Document { equal, strict, readiness_functions, comparison: &comparison };
        serde_json::to_writer_pretty(&mut *output, &document)?;
        writeln!(output)?;
    } else {
        write!(output, "{comparison}")?;
        if !matches!(readiness_functions, ReadinessFunctions::Ours | ReadinessFunctions::NotTried) {
            writeln!(output, "the functions that tell which steps are ready are {readiness_functions}")?;
        }
        if comparison.is_equal() && !equal {
            writeln!(output, "with --strict, what stands beside the original counts")?;
        }
    }
    Ok(if equal { DbOutcome::Fine } else { DbOutcome::Differs })
}
