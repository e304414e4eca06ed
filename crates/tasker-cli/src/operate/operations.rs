//! `tasker operations`: what people changed that no history tells.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tasker_postgres::ledger::{Logged, LoggedOperation, Paused};

use super::pause::must_name_a_type;
use super::prune::PruneArguments;
use super::show::shown;
use super::{failed, open, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// Arguments of `tasker operations`.
#[derive(Debug, Args)]
#[command(
    after_help = "Pauses, priorities, limits of attempts and rewinds stand here; everything else that is done by hand is a move in the \
history of its task or step: `tasker task show`.",
    args_conflicts_with_subcommands = true
)]
pub struct OperationsArguments {
    /// What to do instead of listing them.
    #[command(subcommand)]
    pub command: Option<OperationsCommand>,
    /// Only those on this task and its steps
    #[arg(long, value_name = "ID", conflicts_with_all = ["queue", "task_type"])]
    pub task: Option<i64>,
    /// Only those on this queue
    #[arg(long, value_name = "NAME", conflicts_with = "task_type")]
    pub queue: Option<String>,
    /// Only those on this task type
    #[arg(long = "type", value_name = "NAMESPACE/NAME")]
    pub task_type: Option<String>,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What to do with the log beside listing it.
#[derive(Debug, Subcommand)]
pub enum OperationsCommand {
    /// Take old operations out of the log
    Prune(PruneArguments),
}

/// Lists operations, the newest first, or takes old ones out.
pub(crate) async fn operations(
    arguments: OperationsArguments,
    database: &DatabaseArguments,
) -> Result<ExitStatus, Failure> {
    if let Some(OperationsCommand::Prune(prune)) = arguments.command {
        return super::prune::prune(prune, database).await;
    }
    if let Some(name) = &arguments.task_type {
        must_name_a_type(name)?;
    }
    let opened = open(database).await?;
    let of = match (arguments.task, &arguments.queue, &arguments.task_type) {
        (Some(task_id), _, _) => Logged::Task(task_id),
        (None, Some(queue), _) => Logged::Named(Paused::Queue(queue)),
        (None, None, Some(task_type)) => Logged::Named(Paused::Type(task_type)),
        (None, None, None) => Logged::All,
    };
    let listed = opened.ledger.operations(of, arguments.limit.into()).await.map_err(failed)?;
    if arguments.json {
        print_json(&json!({ "operations": listed }))?;
    } else if listed.is_empty() {
        print("no such operation\n")?;
    } else {
        let lines: String = listed.iter().map(|operation| line(operation) + "\n").collect();
        print(&visible(&lines))?;
    }
    Ok(ExitStatus::Success)
}

/// An operation as a line: when, on what, what, by whom and why.
pub(super) fn line(operation: &LoggedOperation) -> String {
    let LoggedOperation { at, actor, reason, .. } = operation;
    on_one_line(&format!("{}  {}: {}, by {actor}: {reason}", shown(*at), about(operation), done(operation)))
}

fn about(operation: &LoggedOperation) -> String {
    let task = operation.task_id.map_or_else(String::new, |task_id| task_id.to_string());
    match (operation.step_id, &operation.name) {
        (Some(step_id), _) => {
            let step = operation.step.clone().unwrap_or_else(|| step_id.to_string());
            format!("step {task}/{step}")
        }
        (None, Some(name)) => format!("{} {name}", operation.scope),
        (None, None) => format!("task {task}"),
    }
}

fn done(operation: &LoggedOperation) -> String {
    let before = |key: &str| word(operation.before.as_ref().and_then(|value| value.get(key)));
    let after = |key: &str| word(operation.after.as_ref().and_then(|value| value.get(key)));
    match operation.operation.as_str() {
        "pause" => "paused".to_owned(),
        "resume" => "resumed".to_owned(),
        "priority" => {
            format!("priority {} → {}", word(operation.before.as_ref()), word(operation.after.as_ref()))
        }
        "limit" | "retry" => {
            let final_before = if before("retryable") == "false" { " and not to be tried again" } else { "" };
            format!("{} attempts allowed{final_before} → {}", before("retry_limit"), after("retry_limit"))
        }
        "rewind" => format!("done anew from {} on as task {}", after("from"), after("task_id")),
        other => other.to_owned(),
    }
}

fn word(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "unknown".to_owned(),
    }
}
