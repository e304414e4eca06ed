//! `tasker task run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::step_handler::command::CommandHandler;
use tasker_core::{Handled, RunError, Tasker, ops};
use tasker_domain::code::Code;
use tasker_domain::template::Template;
use tasker_domain::why::Reason;
use tasker_postgres::ledger::Ledger;
use tokio_util::sync::CancellationToken;

use super::watch::status_of;
use super::{failed, no_task, print, print_json};
use crate::arguments::DatabaseArguments;
use crate::command_line::program;
use crate::failure::{ExitStatus, Failure};
use crate::handlers::{self, Loaded};
use crate::printing::{on_one_line, to_stderr, visible};
use crate::signals::Requests;
use crate::worker::templates;

/// Connections: exchanges and a look at the reasons.
const CONNECTIONS: u32 = 4;

/// It is looked again at least this often: somebody may have changed the task by hand.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Arguments of `tasker task run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 the task is complete or was settled by hand, 1 it ended in error, 2 it was cancelled, 65 no such \
task or no template for it, 69 no database, 130 interrupted: what ran was handed back."
)]
pub struct WorkOneArguments {
    /// Id of the task
    pub task: i64,
    /// Folder with templates, or a template file: programs are run only from files
    #[arg(long, num_args = 1.., value_name = "FOLDER")]
    pub templates: Vec<PathBuf>,
    /// Environment whose overlay in the templates counts
    #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
    pub environment: Option<String>,
    /// How many of its steps may run at the same time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub concurrency: u16,
    /// Print one JSON document at the end and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

/// Works one task to its end.
pub(crate) async fn run(arguments: WorkOneArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let loaded = templates::load(&arguments.templates, arguments.environment.as_deref())?;
    let handlers = handlers::built_in(&loaded)?;
    let mut requests = Requests::listen()?;
    let database = crate::database::open(database, CONNECTIONS).await?;
    let tasker = Tasker::new(database.pool.clone(), handlers)
        .map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?
        .with_concurrency(usize::from(arguments.concurrency));
    let task_id = arguments.task;
    has_programs(tasker.ledger(), task_id, &loaded).await?;
    let stop = CancellationToken::new();
    let clock = SystemClock::new();
    let mut told = String::new();
    let state = loop {
        let handled = {
            let working = tasker.handle_task(task_id, stop.clone());
            tokio::pin!(working);
            tokio::select! {
                handled = &mut working => handled,
                () = requests.next() => {
                    stop.cancel();
                    working.await
                }
            }
        };
        let after = match handled.map_err(refused)? {
            Handled::AtRest { state } => break state,
            Handled::Again { .. } if stop.is_cancelled() => {
                say_how_to_go_on(task_id);
                return Ok(ExitStatus::Interrupted);
            }
            Handled::Again { after, .. } => after,
        };
        let reasons = reasons(tasker.ledger(), task_id).await?;
        if reasons != told {
            to_stderr(format_args!("{}", visible(&reasons)));
            told = reasons;
        }
        tokio::select! {
            () = clock.sleep(after.min(LOOK_AGAIN)) => {}
            () = requests.next() => {
                say_how_to_go_on(task_id);
                return Ok(ExitStatus::Interrupted);
            }
        }
    };
    if arguments.json {
        print_json(&json!({ "task_id": task_id, "state": state }))?;
    } else {
        print(&format!("task {task_id}: {state}\n"))?;
        if status_of(state) == ExitStatus::Failed {
            to_stderr(format_args!("what holds it: {} why {task_id}", program()));
        }
    }
    Ok(status_of(state))
}

fn say_how_to_go_on(task_id: i64) {
    to_stderr(format_args!("interrupted; to go on: {} task run {task_id}", program()));
}

/// Programs are run only from files at hand: without them, every attempt of such a step would fail.
async fn has_programs(ledger: &Ledger, task_id: i64, loaded: &[Loaded]) -> Result<(), Failure> {
    let task = ledger.task_overview(task_id).await.map_err(failed)?.ok_or_else(|| no_task(task_id))?;
    let Some((definition_id, hash)) = task.definition else {
        return Err(refused(RunError::ForeignTask { task_id }));
    };
    if task.state.is_at_rest() || loaded.iter().any(|one| one.template.content_hash() == hash) {
        return Ok(());
    }
    let stored = ledger.definition(definition_id).await.map_err(failed)?;
    let template =
        Template::from_canonical(&stored.snapshot).map_err(|error| Failure::coded(ExitStatus::Unavailable, &error))?;
    let program = template.steps.iter().find(|step| step.handler_class == CommandHandler::NAME);
    let Some(step) = program else {
        return Ok(());
    };
    let name = format!("{}/{} {}", task.namespace, task.name, task.version);
    let what = if loaded.iter().any(|one| one.name() == name) {
        "was made from another content of that version than the file at hand"
    } else {
        "is not among the templates at hand"
    };
    Err(Failure::bad(
        Code::OTHER_TEMPLATE,
        format!("task {task_id} is of {name}, whose step `{}` runs a program, and it {what}", step.name),
    )
    .advise("programs are run only from the file that the task was made from: --templates FOLDER"))
}

fn refused(error: RunError) -> Failure {
    match error {
        RunError::UnknownTask { task_id } => no_task(task_id),
        RunError::ForeignTask { task_id } => Failure::bad(
            Code::FOREIGN_TASK,
            format!(
                "task {task_id} was made by another program and has no definition here, so it cannot be worked by itself"
            ),
        ),
        RunError::Handlers(missing) => Failure::coded(ExitStatus::Data, &missing).advise(
            "the command knows the handlers `command` and `http`; handlers in Rust are run by a program of your own",
        ),
        error => Failure::coded(ExitStatus::Unavailable, &error),
    }
}

/// Why it does not go on at this moment, one line for each kind of reason.
async fn reasons(ledger: &Ledger, task_id: i64) -> Result<String, Failure> {
    let Some(why) = ops::why(ledger, task_id).await.map_err(failed)? else {
        return Err(no_task(task_id));
    };
    let lines: Vec<String> = why
        .groups()
        .iter()
        // What only follows from the others says nothing new.
        .filter(|group| group.first.reason.code() != "waits_for_parents")
        .map(|group| {
            let first = group.first;
            let line = match group.steps {
                1 => format!("{}: {}", first.step, first.text),
                steps => format!("{} and {} more: {}", first.step, steps - 1, first.text),
            };
            // This one does not end by itself, however long the command is left to wait.
            let is_paused = matches!(first.reason, Reason::Paused { .. } | Reason::TaskPaused { .. });
            let remedy = if is_paused { format!("; to go on: {}", first.remedy) } else { String::new() };
            on_one_line(&format!("{line}{remedy}"))
        })
        .collect();
    Ok(lines.join("\n"))
}
