//! `tasker db full`, `slim` and `lean`.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use tasker_postgres::PgPool;
use tasker_postgres::maintenance::{self, IndexAction, IndexChange, ReshapePlan, ReshapeProgress};
use tasker_postgres::schema::Shape;

use super::lines::{Lines, count, size};
use super::{DbError, DbOutcome};

/// How the shape is changed.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ReshapeArguments {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for transactions of others at each index, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    lock_timeout: u32,
}

pub(super) async fn reshape(
    shape: Shape,
    arguments: &ReshapeArguments,
    pool: &PgPool,
    output: &mut impl Write,
) -> Result<DbOutcome, DbError> {
    let mut lines = Lines::to(output);
    if arguments.dry_run {
        let plan = maintenance::plan_reshape(pool, shape).await?;
        for change in &plan.changes {
            lines.line(format!("would {}", sentence(*change)));
        }
        lines.line(summary(&plan, "would change"));
        foreign(&plan, &mut lines);
        lines.finish()?;
        return Ok(DbOutcome::Fine);
    }
    let lock_timeout = Duration::from_secs(u64::from(arguments.lock_timeout));
    let done = maintenance::reshape(pool, shape, lock_timeout, |progress| tell(progress, &mut lines)).await?;
    lines.line(summary(&done.plan, "changed"));
    if !done.plan.changes.is_empty() {
        lines.line(format!(
            "all indexes of Tasker's tables: {} before, {} now",
            size(done.bytes_before),
            size(done.bytes_after)
        ));
    }
    foreign(&done.plan, &mut lines);
    lines.finish()?;
    Ok(if done.plan.foreign.is_empty() { DbOutcome::Fine } else { DbOutcome::Unfinished })
}

fn tell<W: Write>(progress: ReshapeProgress, lines: &mut Lines<'_, W>) {
    match progress {
        ReshapeProgress::Begin { number, of, change } => lines.line(format!("{number}/{of} {}", sentence(change))),
        ReshapeProgress::Again { index } => {
            lines.line(format!("    {} waits for a transaction of another program; trying again", index.name));
        }
        ReshapeProgress::Done { change, bytes_after } => {
            lines.line(format!("    {} before, {} now", size(change.bytes_before), size(bytes_after)));
        }
    }
}

/// What is done, with what and why.
fn sentence(change: IndexChange) -> String {
    let word = match change.action {
        IndexAction::Make => "make",
        IndexAction::Rebuild => "rebuild, since it was left unusable,",
        IndexAction::Drop => "drop",
    };
    format!(
        "{word} {}.{} ({}): {}",
        change.index.table,
        change.index.name,
        size(change.bytes_before),
        change.index.reason
    )
}

fn summary(plan: &ReshapePlan, verb: &str) -> String {
    if plan.changes.is_empty() {
        return format!("shape {}: nothing to change", plan.to);
    }
    let changes = count(plan.changes.len() as i64, "index", "indexes");
    if plan.from == plan.to {
        return format!("shape {}: {verb} {changes}", plan.to);
    }
    format!("shape {} → {}: {verb} {changes}", plan.from, plan.to)
}

fn foreign<W: Write>(plan: &ReshapePlan, lines: &mut Lines<'_, W>) {
    if !plan.foreign.is_empty() {
        lines.line(format!(
            "left alone, because they bear a name of the original's and are something else: {}",
            plan.foreign.join(", ")
        ));
    }
}
