//! `tasker operations prune`.

use clap::Args;
use serde_json::json;
use tasker_domain::code::Code;

use super::show::shown;
use super::when::{When, when};
use super::{count, failed, open, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::confirmation::confirmed;
use crate::failure::{ExitStatus, Failure};
use crate::printing::to_stderr;

/// Arguments of `tasker operations prune`.
#[derive(Debug, Args)]
#[command(
    after_help = "What is paused stays so, and who paused it is still told; moves in the histories of tasks and steps stay. Only the \
owner of the tables has the right.\n\nExit status: 0 done, 1 nobody agreed, 64 wrong arguments, 69 no database or no right."
)]
pub struct PruneArguments {
    /// Take out what was done before this instant, or longer ago than this time: 2026-05-17T12:00:00Z or 90d
    #[arg(long, value_name = "INSTANT|TIME", value_parser = when)]
    pub before: When,
    /// Only say how many that would be
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask first
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON document and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

/// Takes old operations out of the log.
pub(super) async fn prune(arguments: PruneArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let opened = open(database).await?;
    let ledger = &opened.ledger;
    let before = arguments.before.ago(ledger).await?;
    let mut pruned = ledger.prunable_operations(before).await.map_err(failed)?;
    if !arguments.dry_run && pruned > 0 {
        if !arguments.yes {
            to_stderr(format_args!("{} before {} UTC", operations(pruned), shown(before)));
            agree()?;
        }
        pruned = ledger.prune_operations(before).await.map_err(failed)?;
    }
    if arguments.json {
        print_json(&json!({ "before": before, "dry_run": arguments.dry_run, "pruned": pruned }))?;
        return Ok(ExitStatus::Success);
    }
    let done = match (pruned, arguments.dry_run) {
        (0, _) => format!("no operation stands in the log from before {} UTC; nothing to take out\n", shown(before)),
        (_, true) => format!("{} before {} UTC would be taken out\n", operations(pruned), shown(before)),
        (1, false) => format!("1 operation before {} UTC was taken out\n", shown(before)),
        (_, false) => format!("{} before {} UTC were taken out\n", operations(pruned), shown(before)),
    };
    print(&done)?;
    Ok(ExitStatus::Success)
}

fn operations(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "operation")
}

fn agree() -> Result<(), Failure> {
    let agreed = confirmed("take them out for good? [y/N] ")
        .map_err(|error| Failure::new(ExitStatus::Unavailable, format!("the answer cannot be read: {error}")))?;
    if agreed {
        return Ok(());
    }
    Err(Failure::of(ExitStatus::Failed, Code::NOT_CONFIRMED, "nothing was taken out")
        .advise("add --yes to do it without being asked, or --dry-run to see how many there are"))
}
