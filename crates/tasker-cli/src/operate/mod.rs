//! `tasker task`, `step`, `why`, `workers`, `queue` and `type`: asking about tasks at work and changing them by hand.

mod answers;
mod choose;
mod create;
mod operations;
mod pause;
mod prune;
mod rewind;
mod show;
mod step;
mod task;
mod watch;
mod when;
mod why;
mod work_one;
mod workers;

use std::io::Write;

use clap::Args;
use serde::Serialize;
use tasker_domain::code::Code;
use tasker_postgres::ledger::{Ledger, LedgerError, Operator};

pub(crate) use operations::OperationsArguments;
pub(crate) use pause::PauseCommand;
pub(crate) use step::StepCommand;
pub(crate) use task::TaskCommand;
pub(crate) use why::WhyArguments;
pub(crate) use workers::WorkersArguments;

pub(crate) use operations::operations;
pub(crate) use pause::{queue, task_type};
pub(crate) use step::step;
pub(crate) use task::task;
pub(crate) use why::why;
pub(crate) use workers::workers;

use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::unless_closed;

/// Connections of a command that asks and answers.
const CONNECTIONS: u32 = 2;

/// Who does something by hand, and why.
#[derive(Debug, Clone, Args)]
pub struct By {
    /// Why; stands in the history with the change
    #[arg(long, value_name = "TEXT", value_parser = some_words)]
    pub reason: String,
    /// Who; stands in the history with the change. Without it, your name on this machine
    #[arg(long, value_name = "NAME", value_parser = some_words)]
    pub actor: Option<String>,
}

/// How a change is made and told.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// Who and why.
    #[command(flatten)]
    pub by: By,
    /// Only say what would happen
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON document and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

fn some_words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// The most characters that the columns for a key and a reason of a request hold.
const SHORT: usize = 128;

fn few_words(text: &str) -> Result<String, String> {
    match text.chars().count() {
        length if length > SHORT => Err(format!("it has {length} characters; {SHORT} are the most")),
        _ => some_words(text),
    }
}

impl By {
    fn name(&self) -> String {
        self.actor.clone().unwrap_or_else(user)
    }
}

/// The name of whoever is at work on this machine: as the environment has it, else as the system does. A user without a
/// name has a number.
pub(crate) fn user() -> String {
    let is_a_name = |name: &String| !name.trim().is_empty() && name.chars().count() <= SHORT;
    let said = ["USER", "LOGNAME"].into_iter().find_map(|key| std::env::var(key).ok().filter(is_a_name));
    said.unwrap_or_else(|| {
        let id = nix::unistd::geteuid();
        // Where the system's list cannot be read, the number still says who it was.
        let listed = nix::unistd::User::from_uid(id).ok().flatten().map(|user| user.name);
        listed.filter(is_a_name).unwrap_or_else(|| format!("uid:{id}"))
    })
}

impl How {
    fn operator<'a>(&'a self, actor: &'a str) -> Operator<'a> {
        Operator { actor, reason: &self.by.reason, now: None, dry_run: self.dry_run }
    }
}

/// The record in the database that was named, and what keeps that database running.
struct Open {
    ledger: Ledger,
    _database: crate::database::Database,
}

async fn open(database: &DatabaseArguments) -> Result<Open, Failure> {
    let database = crate::database::open(database, CONNECTIONS).await?;
    Ok(Open { ledger: Ledger::new(database.pool.clone()), _database: database })
}

/// The database failed, or somebody else stood in the way.
fn failed(error: LedgerError) -> Failure {
    match error {
        error @ LedgerError::Busy(_) => Failure::coded(ExitStatus::Failed, &error),
        error => Failure::coded(ExitStatus::Unavailable, &error),
    }
}

fn no_task(task_id: i64) -> Failure {
    Failure::bad(Code::UNKNOWN_TASK, format!("there is no task {task_id} in this database"))
        .advise("`tasker task list` shows which there are")
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::of(ExitStatus::Unavailable, Code::OUTPUT, format!("the answer cannot be written: {error}"))
}

/// Writes a text or a document to standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    unless_closed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())).map_err(unwritable)
}

fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document).map_err(|error| {
        Failure::of(ExitStatus::Unavailable, Code::DEFECT, format!("the answer cannot be written as JSON: {error}"))
    })?;
    print(&format!("{text}\n"))
}

/// A number with its noun.
fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
