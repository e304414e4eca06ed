//! `tasker task rewind`.

use clap::Args;
use serde_json::{Value, json};
use tasker_core::RunError;
use tasker_core::ops::{self, Rewind};
use tasker_domain::json::Json;
use tasker_postgres::ledger::{Ledger, Rewound};

use super::answers::in_words;
use super::choose::Choice;
use super::{How, count, failed, open, print, print_json, some_words};
use crate::arguments::{ContextArguments, DatabaseArguments};
use crate::failure::{ExitStatus, Failure};
use crate::printing::{on_one_line, visible};

/// Steps that are named one by one in a line.
const NAMED_STEPS: usize = 20;

/// Arguments of `tasker task rewind`.
#[derive(Debug, Args)]
#[command(
    after_help = "A new task is made; the old one, which must be at rest, stays as it is. Steps that ended well and do not come after \
the named one are taken over with their results. The same command again gives the same new task; another --key gives another. Exit status: \
0 everything is as asked for, 1 something was refused, is not there or was not confirmed, 64 wrong arguments, 65 the context of the only task \
named is bad, 69 no database."
)]
pub struct RewindArguments {
    /// The step from which on everything is done anew
    #[arg(long, value_name = "STEP")]
    pub from: String,
    /// Another context; with --set alone, the old one with these values changed.
    #[command(flatten)]
    pub context: ContextArguments,
    /// Tells apart what is otherwise the same: without it, a task is rewound from one step with one context once
    #[arg(long, value_name = "TEXT", value_parser = some_words)]
    pub key: Option<String>,
    /// Which tasks.
    #[command(flatten)]
    pub choice: Choice,
    /// Who, why and how.
    #[command(flatten)]
    pub how: How,
}

/// Rewinds tasks.
pub(super) async fn rewind(arguments: RewindArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let RewindArguments { from, context, key, choice, how } = arguments;
    let given = match context.context {
        Some(_) => Some(crate::context::read(&context)?),
        None => None,
    };
    let opened = open(database).await?;
    let is_one = choice.tasks.len() == 1;
    let task_ids = choice.task_ids(&opened.ledger, "rewind", how.dry_run).await?;
    let actor = how.by.name();
    let mut answers = Vec::new();
    for task_id in task_ids {
        let rewound = async {
            let context = match &given {
                Some(context) => Some(context.clone()),
                None if context.set.is_empty() => None,
                None => changed(&opened.ledger, task_id, &context.set).await?,
            };
            let to = Rewind { from: from.clone(), context, key: key.clone() };
            ops::rewind(&opened.ledger, task_id, &to, how.operator(&actor)).await.map_err(refused)
        };
        match rewound.await {
            Ok(rewound) => answers.push((task_id, rewound)),
            // A context that one task cannot take is no reason to leave the others.
            Err(failure) if failure.status() == ExitStatus::Data && !is_one => {
                answers.push((task_id, Rewound::Refused(failure.message().to_owned())));
            }
            Err(failure) => {
                // What was done before stays done, and has to be told.
                if !answers.is_empty() {
                    tell(&answers, &from, &how)?;
                }
                return Err(failure);
            }
        }
    }
    tell(&answers, &from, &how)
}

/// The context of a task with values set; nothing where there is no such task.
async fn changed(ledger: &Ledger, task_id: i64, assignments: &[String]) -> Result<Option<Json>, Failure> {
    let Some(detail) = ledger.task_detail(task_id).await.map_err(failed)? else {
        return Ok(None);
    };
    let text = detail.context.map_or_else(|| "{}".to_owned(), |context| context.get().to_owned());
    let context = Json::parse(&text)
        .map_err(|error| Failure::data(format!("the context of task {task_id} cannot be read: {error}")))?;
    crate::context::with(context, assignments).map(Some)
}

fn refused(error: RunError) -> Failure {
    match error {
        RunError::Database { error, .. } => failed(error),
        error => Failure::coded(ExitStatus::Data, &error),
    }
}

fn tell(answers: &[(i64, Rewound)], from: &str, how: &How) -> Result<ExitStatus, Failure> {
    if how.json {
        let results: Vec<Value> = answers.iter().map(|(task_id, rewound)| document(*task_id, rewound)).collect();
        print_json(&json!({ "operation": "rewind", "from": from, "dry_run": how.dry_run, "results": results }))?;
    } else {
        let mut lines: String =
            answers.iter().map(|(task_id, rewound)| on_one_line(&line(*task_id, rewound)) + "\n").collect();
        if answers.len() > 1 {
            lines.push_str(&format!("{}\n", sum(answers, how.dry_run)));
        }
        print(&visible(&lines))?;
    }
    let bad = answers.iter().any(|(_, rewound)| matches!(rewound, Rewound::Refused(_) | Rewound::Unknown));
    Ok(if bad { ExitStatus::Failed } else { ExitStatus::Success })
}

fn line(task_id: i64, rewound: &Rewound) -> String {
    match rewound {
        Rewound::Done { task_id: new, taken_over, anew } => {
            let made = match new {
                Some(new) => format!("task {new} was made"),
                None => "a task would be made".to_owned(),
            };
            let taken = match taken_over.len() {
                0 => "nothing is taken over".to_owned(),
                number => format!("{} taken over ({})", is(number), named(taken_over)),
            };
            format!("task {task_id}: {made}: {taken}, {} done anew ({})", is(anew.len()), named(anew))
        }
        Rewound::AlreadySo { task_id: new } => {
            format!("task {task_id}: task {new} was made by the same command before")
        }
        Rewound::Refused(why) => format!("task {task_id}: refused: {why}"),
        Rewound::Unknown => format!("task {task_id}: there is none in this database"),
    }
}

fn sum(answers: &[(i64, Rewound)], dry_run: bool) -> String {
    let number = |fits: fn(&Rewound) -> bool| answers.iter().filter(|(_, rewound)| fits(rewound)).count();
    in_words(&[
        (number(|rewound| matches!(rewound, Rewound::Done { .. })), if dry_run { "would be made" } else { "made" }),
        (number(|rewound| matches!(rewound, Rewound::AlreadySo { .. })), "made before"),
        (number(|rewound| matches!(rewound, Rewound::Refused(_))), "refused"),
        (number(|rewound| matches!(rewound, Rewound::Unknown)), "not there"),
    ])
}

/// The names of steps, the first few of them where there are many; the JSON document has all.
fn named(steps: &[String]) -> String {
    match steps.len().saturating_sub(NAMED_STEPS) {
        0 => steps.join(", "),
        more => format!("{} and {more} more", steps[..NAMED_STEPS].join(", ")),
    }
}

fn is(steps: usize) -> String {
    format!("{} {}", count(steps, "step"), if steps == 1 { "is" } else { "are" })
}

fn document(task_id: i64, rewound: &Rewound) -> Value {
    match rewound {
        Rewound::Done { task_id: new, taken_over, anew } => {
            json!({ "task_id": task_id, "outcome": "done", "new_task_id": new, "taken_over": taken_over, "anew": anew })
        }
        Rewound::AlreadySo { task_id: new } => {
            json!({ "task_id": task_id, "outcome": "already_so", "new_task_id": new })
        }
        Rewound::Refused(why) => json!({ "task_id": task_id, "outcome": "refused", "why": why }),
        Rewound::Unknown => json!({ "task_id": task_id, "outcome": "unknown" }),
    }
}
