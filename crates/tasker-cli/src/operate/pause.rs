//! `tasker queue` and `tasker type`.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::json;
use tasker_postgres::ledger::{Operator, Paused, Served, ServedBy};

use super::{By, failed, open, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// What to do with queues or task types.
#[derive(Debug, Subcommand)]
pub enum PauseCommand {
    /// List them: steps in line, steps that wait for a time, live workers, who paused it
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Let nothing of it start until it is resumed; what runs goes on
    Pause {
        /// Its name
        name: String,
        /// Who and why.
        #[command(flatten)]
        by: By,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Let it go on
    Resume {
        /// Its name
        name: String,
        /// Who and why.
        #[command(flatten)]
        by: By,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

/// `tasker queue`.
pub(crate) async fn queue(command: PauseCommand, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    run(command, ServedBy::Queue, database).await
}

/// `tasker type`.
pub(crate) async fn task_type(command: PauseCommand, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    run(command, ServedBy::Type, database).await
}

/// Refuses what cannot be the name of a task type.
pub(super) fn must_name_a_type(name: &str) -> Result<(), Failure> {
    if name.split_once('/').is_none_or(|(namespace, name)| namespace.is_empty() || name.is_empty()) {
        return Err(Failure::new(ExitStatus::Usage, format!("`{name}` is no task type: write NAMESPACE/NAME")));
    }
    Ok(())
}

async fn run(command: PauseCommand, kind: ServedBy, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    if let PauseCommand::Pause { name, .. } | PauseCommand::Resume { name, .. } = &command
        && kind == ServedBy::Type
    {
        must_name_a_type(name)?;
    }
    let opened = open(database).await?;
    let ledger = &opened.ledger;
    let word = match kind {
        ServedBy::Queue => "queue",
        ServedBy::Type => "type",
    };
    let (name, paused, changed, json) = match command {
        PauseCommand::List { json } => {
            let listed = ledger.served(kind).await.map_err(failed)?;
            if json {
                print_json(&json!({ plural(kind): listed }))?;
            } else {
                print(&visible(&table(kind, &listed)))?;
            }
            return Ok(ExitStatus::Success);
        }
        PauseCommand::Pause { name, by, json } => {
            // A name that nothing has is paused all the same: what comes under it later waits.
            let known = ledger.served(kind).await.map_err(failed)?.iter().any(|one| one.name == name);
            let actor = by.name();
            let operator = Operator { actor: &actor, reason: &by.reason, now: None, dry_run: false };
            let changed = ledger.pause(what(kind, &name), operator).await.map_err(failed)?;
            if !known {
                crate::printing::to_stderr(format_args!(
                    "{}",
                    visible(&format!(
                        "note: no template that was registered has the {word} `{}` so far",
                        on_one_line(&name)
                    ))
                ));
            }
            (name, true, changed, json)
        }
        PauseCommand::Resume { name, by, json } => {
            let actor = by.name();
            let operator = Operator { actor: &actor, reason: &by.reason, now: None, dry_run: false };
            let changed = ledger.resume(what(kind, &name), operator).await.map_err(failed)?;
            (name, false, changed, json)
        }
    };
    if json {
        print_json(&json!({ word: name, "paused": paused, "changed": changed }))?;
    } else {
        let what_is = match (paused, changed) {
            (true, true) => "is paused: nothing new of it starts",
            (true, false) => "was paused already; nothing was changed",
            (false, true) => "goes on",
            (false, false) => "was not paused; nothing was changed",
        };
        print(&visible(&format!("{word} {} {what_is}\n", on_one_line(&name))))?;
    }
    Ok(ExitStatus::Success)
}

fn what(kind: ServedBy, name: &str) -> Paused<'_> {
    match kind {
        ServedBy::Queue => Paused::Queue(name),
        ServedBy::Type => Paused::Type(name),
    }
}

fn plural(kind: ServedBy) -> &'static str {
    match kind {
        ServedBy::Queue => "queues",
        ServedBy::Type => "types",
    }
}

fn table(kind: ServedBy, listed: &[Served]) -> String {
    if listed.is_empty() {
        return format!("there are no {} yet: no template has been registered\n", plural(kind));
    }
    let widest = listed.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).max(5);
    let mut text = String::new();
    let head = match kind {
        ServedBy::Queue => "queue",
        ServedBy::Type => "type",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{head:<widest$}  {:>8}  {:>8}  {:>7}", "in line", "waiting", "workers");
    for one in listed {
        let name = on_one_line(&one.name);
        let _ = write!(text, "{name:<widest$}  {:>8}  {:>8}  {:>7}", one.in_line, one.waiting, one.workers);
        if let Some(by) = &one.paused {
            let _ = write!(text, "  paused by {}: {}", on_one_line(&by.actor), on_one_line(&by.reason));
        }
        text.push('\n');
    }
    text
}
