//! `tasker db grant`.

use std::io::Write;

use clap::Args;
use tasker_postgres::PgPool;
use tasker_postgres::maintenance::{self, Access};

use super::lines::count;
use super::{DbError, DbOutcome};

/// Who gets which rights.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct GrantArguments {
    /// Name of the role, exactly as it is, without quotes
    role: String,
    /// Only the rights to look, for dashboards and reports
    #[arg(long)]
    read_only: bool,
    /// Print the statements and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn grant(
    arguments: &GrantArguments,
    pool: &PgPool,
    output: &mut impl Write,
) -> Result<DbOutcome, DbError> {
    let access = if arguments.read_only { Access::Reader } else { Access::Worker };
    let grants = if arguments.dry_run {
        maintenance::plan_grants(pool, &arguments.role, access).await?
    } else {
        maintenance::grant(pool, &arguments.role, access).await?
    };
    if arguments.dry_run {
        for statement in &grants.statements {
            writeln!(output, "{statement};")?;
        }
    } else {
        let what = match access {
            Access::Worker => "a worker needs",
            Access::Reader => "reading needs",
        };
        let rights = count(grants.statements.len() as i64, "grant", "grants");
        writeln!(output, "gave {:?} the rights that {what} ({rights})", arguments.role)?;
    }
    for remark in &grants.beyond {
        // A comment, so that what a dry run prints can be handed to psql.
        writeln!(output, "-- beyond that, {remark}")?;
    }
    Ok(DbOutcome::Fine)
}
