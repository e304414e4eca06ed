//! `tasker workers`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use tasker_postgres::ledger::ListedWorker;

use super::{failed, open, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// Arguments of `tasker workers`.
#[derive(Debug, Args)]
pub struct WorkersArguments {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Lists the workers.
pub(crate) async fn workers(arguments: WorkersArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let opened = open(database).await?;
    let workers = opened.ledger.workers().await.map_err(failed)?;
    if arguments.json {
        print_json(&json!({ "workers": workers }))?;
    } else if workers.is_empty() {
        print("no worker is at work; one is started by `tasker worker --templates FOLDER`\n")?;
    } else {
        print(&visible(&workers.iter().map(block).collect::<String>()))?;
    }
    Ok(ExitStatus::Success)
}

fn block(worker: &ListedWorker) -> String {
    let seen = format!("{:.0} s ago", worker.seen_seconds_ago.floor());
    let life = if worker.alive { "alive" } else { "silent for its lease: others take over what it holds" };
    let mut text = format!("worker {} {}: {life}, heard of {seen}\n", worker.worker_id, on_one_line(&worker.name));
    let all = |list: &Option<Vec<String>>, every: &str| match list {
        None => every.to_owned(),
        Some(list) => on_one_line(&list.join(", ")),
    };
    // Writing to a String cannot fail.
    if let Some(task_id) = worker.task_id {
        let _ = writeln!(text, "  works   task {task_id} only");
    } else if worker.queues.as_ref().is_some_and(Vec::is_empty) {
        let _ = writeln!(text, "  works   one task of its own");
    } else {
        let _ = writeln!(text, "  serves  {}", all(&worker.queues, "every queue"));
        let _ = writeln!(text, "  has     {}", all(&worker.handlers, "every handler"));
        let _ = writeln!(text, "  tasks   {}", all(&worker.templates, "of every type"));
        if !worker.adopts.is_empty() {
            let _ = writeln!(text, "  adopts  {}", on_one_line(&worker.adopts.join(", ")));
        }
    }
    let _ = write!(text, "  holds   {} of {} steps", worker.holds, worker.concurrency);
    let named: Vec<String> = worker.held.iter().map(|step| format!("{}/{}", step.task_id, step.step)).collect();
    if !named.is_empty() {
        let more = if worker.holds > worker.held.len() as i64 { ", …" } else { "" };
        let _ = write!(text, ": {}{more}", on_one_line(&named.join(", ")));
    }
    text.push('\n');
    text
}
