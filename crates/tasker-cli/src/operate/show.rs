//! `tasker task list`, `tasker task show` and `tasker step show`.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDateTime};
use clap::Args;
use serde_json::{Value, json};
use tasker_core::ops::{self, StepName, find_step, select};
use tasker_postgres::ledger::{Logged, LoggedOperation, Move, StepDetail, TaskDetail, TaskLine, TaskRecord};

use super::choose::Conditions;
use super::operations;
use super::step::not_found;
use super::{count, failed, no_task, open, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// Moves that are shown unless all are asked for.
const MOVES: usize = 40;

/// Changes beside the moves that are shown, the newest.
const OPERATIONS: i64 = 1_000;

/// Arguments of `tasker task list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Which tasks.
    #[command(flatten)]
    pub conditions: Conditions,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tasker task show`.
#[derive(Debug, Args)]
pub struct ShowTaskArguments {
    /// Id of the task
    pub task: i64,
    /// Show the states at this instant, rebuilt from the history: 2026-05-17T12:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<NaiveDateTime>,
    /// Show the whole history, however long
    #[arg(long)]
    pub all: bool,
    /// Print one JSON document, with the whole history and all results
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tasker step show`.
#[derive(Debug, Args)]
pub struct ShowStepArguments {
    /// The step, by its id or as TASK/STEP
    #[arg(value_name = "STEP")]
    pub step: StepName,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Reads an instant with its offset from UTC.
pub(super) fn instant(text: &str) -> Result<NaiveDateTime, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.naive_utc())
        .map_err(|_| "write an instant such as 2026-05-17T12:00:00Z or 2026-05-17T14:00:00+02:00".to_owned())
}

pub(super) fn shown(instant: NaiveDateTime) -> String {
    instant.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// Lists tasks.
pub(crate) async fn list(arguments: ListArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let filter = arguments.conditions.filter()?;
    let opened = open(database).await?;
    let selected = select(&opened.ledger, &filter, arguments.limit as usize, true).await.map_err(failed)?;
    let tasks = opened.ledger.task_lines(&selected.task_ids).await.map_err(failed)?;
    if arguments.json {
        print_json(&json!({ "tasks": tasks, "more": selected.more }))?;
        return Ok(ExitStatus::Success);
    }
    if tasks.is_empty() {
        print("no such task\n")?;
        return Ok(ExitStatus::Success);
    }
    let more = if selected.more { "there are older ones: --limit N\n" } else { "" };
    print(&format!("{}{more}", visible(&table(&tasks))))?;
    Ok(ExitStatus::Success)
}

fn table(tasks: &[TaskLine]) -> String {
    let types: Vec<String> =
        tasks.iter().map(|task| on_one_line(&format!("{}/{} {}", task.namespace, task.name, task.version))).collect();
    let widest = types.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:>10}  {:<17}  {:<widest$}  {:>11}  since (UTC)\n", "task", "state", "type", "steps");
    for (task, name) in tasks.iter().zip(&types) {
        let steps = format!("{}/{}", task.ended_well, task.steps);
        let paused = if task.paused { "  paused" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>10}  {:<17}  {name:<widest$}  {steps:>11}  {}{paused}",
            task.task_id,
            task.state,
            task.since.format("%Y-%m-%d %H:%M:%S")
        );
    }
    text
}

/// Shows a task.
pub(crate) async fn task(arguments: ShowTaskArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let opened = open(database).await?;
    let (ledger, task_id) = (&opened.ledger, arguments.task);
    let (Some(mut record), Some(detail)) =
        (ledger.task_record(task_id).await.map_err(failed)?, ledger.task_detail(task_id).await.map_err(failed)?)
    else {
        return Err(no_task(task_id));
    };
    let mut history = ledger.history(task_id).await.map_err(failed)?;
    let mut changes = ledger.operations(Logged::Task(task_id), OPERATIONS).await.map_err(failed)?;
    changes.reverse();
    if let Some(at) = arguments.at {
        changes.retain(|change| change.at <= at);
    }
    if let Some(at) = arguments.at
        && let Some(then) = ops::state_at(ledger, task_id, at).await.map_err(failed)?
    {
        history.retain(|row| row.at <= at);
        record.task.state = then.task;
        for step in &mut record.steps {
            step.state = then.steps.get(&step.step_id).copied().unwrap_or(step.state);
            let id = Some(step.step_id);
            step.transitions = history.iter().filter(|row| row.step_id == id).map(|row| row.to.clone()).collect();
        }
    }
    if arguments.json {
        print_json(&document(&record, &detail, (&history, &changes), arguments.at))?;
        return Ok(ExitStatus::Success);
    }
    let most = if arguments.all { usize::MAX } else { MOVES };
    let mut text = task_text(&record, &detail, &history, arguments.at, most);
    if !changes.is_empty() {
        text.push_str(&format!("{} beside them\n", count(changes.len(), "change")));
        changes.iter().for_each(|change| text.push_str(&format!("  {}\n", operations::line(change))));
    }
    print(&visible(&text))?;
    Ok(ExitStatus::Success)
}

fn document(
    record: &TaskRecord,
    detail: &TaskDetail,
    (history, changes): (&[Move], &[LoggedOperation]),
    at: Option<NaiveDateTime>,
) -> Value {
    let task = &record.task;
    // What a step left stands in its row as it is now; what it was at another instant, no row says.
    let steps: Vec<Value> = record
        .steps
        .iter()
        .map(|step| match at {
            None => json!({
                "step_id": step.step_id, "name": step.name, "state": step.state, "attempts": step.attempts,
                "retryable": step.retryable, "transitions": step.transitions, "results": step.results,
            }),
            Some(_) => json!({
                "step_id": step.step_id, "name": step.name, "state": step.state, "transitions": step.transitions,
            }),
        })
        .collect();
    json!({
        "task_id": task.task_id, "namespace": task.namespace, "name": task.name, "version": task.version,
        "state": task.state, "at": at, "detail": detail, "steps": steps, "history": history, "operations": changes,
    })
}

fn task_text(
    record: &TaskRecord,
    detail: &TaskDetail,
    history: &[Move],
    at: Option<NaiveDateTime>,
    most: usize,
) -> String {
    let task = &record.task;
    let type_name = on_one_line(&format!("{}/{} {}", task.namespace, task.name, task.version));
    let mut text = format!("task {} ({type_name}): ", task.task_id);
    match at {
        None => text.push_str(&format!("{}\n", task.state)),
        Some(at) => text.push_str(&format!("was {} at {} UTC\n", task.state, shown(at))),
    }
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {name:<10} {}\n", on_one_line(&value)));
        }
    };
    let by = [&detail.initiator, &detail.source_system, &detail.reason];
    let by: Vec<&str> = by.into_iter().flatten().map(String::as_str).filter(|words| !words.is_empty()).collect();
    fact("asked for", Some(format!("{} UTC, by {}", shown(detail.requested_at), by.join(", "))));
    fact("rewound", detail.rewound_from.as_ref().map(rewound));
    fact("not before", detail.not_before.map(|at| format!("{} UTC", shown(at))));
    fact("deadline", detail.deadline.map(|at| format!("{} UTC", shown(at))));
    fact("priority", (detail.priority != 0).then(|| format!("{:+}", detail.priority)));
    fact("paused", detail.paused.as_ref().map(|by| format!("by {}: {}", by.actor, by.reason)));
    let listed = |list: &Option<Value>| list.as_ref().filter(|list| **list != json!([])).map(Value::to_string);
    fact("bypassed", listed(&detail.bypass_steps));
    fact("tags", listed(&detail.tags));
    fact("context", detail.context.as_ref().map(|context| context.get().to_owned()));
    if !detail.ours {
        fact("made by", Some("another program: workers run it only if they adopt its type".to_owned()));
    } else if detail.reserved {
        fact("worked by", Some("whoever names it, as `tasker run` does; workers leave it".to_owned()));
    }
    let widest = record.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
    text.push_str(&format!("{}\n", count(record.steps.len(), "step")));
    for step in &record.steps {
        let attempts = match at {
            Some(_) => String::new(),
            None if step.attempts == 0 => String::new(),
            None => format!(", {}", count(step.attempts as usize, "attempt")),
        };
        let name = on_one_line(&step.name);
        let line = format!("  {:>8}  {name:<widest$}  {}{attempts}\n", step.step_id, step.state);
        text.push_str(&line);
    }
    text.push_str(&moves(history, most));
    text
}

/// Where a task comes from that takes over what another finished.
fn rewound(from: &Value) -> String {
    let word = |key: &str| from.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let task = from.get("task_id").map_or_else(|| "unknown".to_owned(), Value::to_string);
    format!("from task {task}, anew from {} on, by {}: {}", word("step"), word("actor"), word("reason"))
}

fn moves(history: &[Move], most: usize) -> String {
    let mut text = format!("{}\n", count(history.len(), "move"));
    let left_out = history.len().saturating_sub(most);
    if left_out > 0 {
        text.push_str(&format!("  {left_out} earlier ones are left out: --all\n"));
    }
    for row in history.iter().skip(left_out) {
        text.push_str(&format!("  {}\n", move_line(row)));
    }
    text
}

/// A move as a line: when, of what, from where to where, by whom and why.
pub(super) fn move_line(row: &Move) -> String {
    let what = row.step.as_deref().unwrap_or("the task");
    let from = row.from.as_deref().filter(|from| !from.is_empty()).unwrap_or("pending");
    let mut line = format!("{}  {what}: {from} → {}", shown(row.at), row.to);
    let word = |key: &str| {
        row.metadata
            .as_ref()
            .and_then(|metadata| metadata.get(key))
            .and_then(Value::as_str)
            .filter(|word| !word.is_empty())
    };
    if let Some(actor) = word("actor") {
        line.push_str(&format!(", by {actor}"));
    }
    if let Some(reason) = word("reason") {
        line.push_str(&format!(": {reason}"));
    }
    on_one_line(&line)
}

/// Shows a step.
pub(crate) async fn step(arguments: ShowStepArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let opened = open(database).await?;
    let ledger = &opened.ledger;
    let (step_id, task_id) = find_step(ledger, &arguments.step).await.map_err(not_found)?;
    let Some(detail) = ledger.step_detail(step_id).await.map_err(failed)? else {
        return Err(not_found(ops::StepNotFound::NoSuchStep(step_id)));
    };
    let mut history = ledger.history(task_id).await.map_err(failed)?;
    history.retain(|row| row.step_id == Some(step_id));
    if arguments.json {
        print_json(&json!({ "step": detail, "history": history }))?;
    } else {
        print(&visible(&step_text(&detail, &history)))?;
    }
    Ok(ExitStatus::Success)
}

/// How long a step may take over all its attempts, and until when that is; nothing where it may take any time.
fn deadline(step: &StepDetail) -> String {
    let Some(seconds) = step.deadline_seconds else {
        return String::new();
    };
    let whole = format!("{seconds} s over all attempts");
    match step.deadline {
        None => whole,
        Some(at) if step.deadline_passed => {
            format!("{whole}; it passed at {} UTC: the next worker that looks ends the step", shown(at))
        }
        Some(at) => format!("{whole}; dead unless done by {} UTC", shown(at)),
    }
}

fn step_text(step: &StepDetail, history: &[Move]) -> String {
    let StepDetail { step_id, task_id, state, .. } = step;
    let name = on_one_line(&step.name);
    let mut text = format!("step {step_id} ({name} of task {task_id}): {state} since {} UTC\n", shown(step.since));
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<10} {}\n", on_one_line(&value)));
        }
    };
    let again =
        if step.retryable { format!("{} allowed", step.retry_limit) } else { "not to be tried again".to_owned() };
    fact("attempts", format!("{}; {again}", step.attempts));
    fact("queue", step.queue.clone().unwrap_or_default());
    fact("handler", step.handler.clone().unwrap_or_default());
    fact("deadline", deadline(step));
    fact("waits for", step.parents.join(", "));
    fact("before", step.children.join(", "));
    fact("results", step.results.get().to_owned());
    text.push_str(&moves(history, usize::MAX));
    text
}
