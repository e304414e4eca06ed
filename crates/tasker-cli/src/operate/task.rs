//! `tasker task`.

use clap::Subcommand;
use serde_json::json;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::TaskChange;

use super::answers::{Answer, Deed, tell};
use super::choose::Choice;
use super::create::CreateArguments;
use super::rewind::RewindArguments;
use super::show::{ListArguments, ShowTaskArguments};
use super::watch::WatchArguments;
use super::work_one::WorkOneArguments;
use super::{How, failed, open};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};

/// What to do with tasks.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Create a task for workers to carry out
    Create(CreateArguments),
    /// List tasks, the newest first
    List(ListArguments),
    /// Show a task, its steps and its history
    Show(ShowTaskArguments),
    /// Print each move of a task and of its steps as it happens, until the task is at rest
    Watch(WatchArguments),
    /// Work this one task to its end, retries included
    Run(WorkOneArguments),
    /// Call tasks off, with every step that has not ended
    Cancel(Change),
    /// Settle failed tasks by hand; their steps stay as they are
    Resolve(Change),
    /// Send failed tasks on: their failed steps are tried again
    Retry(Change),
    /// Do ended tasks anew from a step on, as new tasks that take over the finished part
    Rewind(RewindArguments),
    /// Let nothing new of tasks start; what runs goes on
    Pause(Change),
    /// Let paused tasks go on
    Resume(Change),
    /// Let tasks be taken earlier or later than others
    Priority {
        /// Points that are added to the priority of each step, instead of what was added before; each counts as a minute of
        /// waiting, and negative ones put tasks back
        #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = clap::value_parser!(i32).range(-1_000_000..=1_000_000))]
        points: i32,
        /// Which tasks.
        #[command(flatten)]
        change: Change,
    },
}

/// A change of tasks.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What is so already is said to be and left alone, so a command can be given twice. Exit status: 0 everything is as \
asked for, 1 something was refused, is not there or was not confirmed, 64 wrong arguments, 69 no database."
)]
pub struct Change {
    /// Which tasks.
    #[command(flatten)]
    pub choice: Choice,
    /// Who, why and how.
    #[command(flatten)]
    pub how: How,
}

/// Does what the command says.
pub(crate) async fn task(command: TaskCommand, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let (arguments, change) = match command {
        TaskCommand::Create(arguments) => return super::create::create(arguments, database).await,
        TaskCommand::List(arguments) => return super::show::list(arguments, database).await,
        TaskCommand::Show(arguments) => return super::show::task(arguments, database).await,
        TaskCommand::Watch(arguments) => return super::watch::watch(arguments, database).await,
        TaskCommand::Run(arguments) => return super::work_one::run(arguments, database).await,
        TaskCommand::Rewind(arguments) => return super::rewind::rewind(arguments, database).await,
        TaskCommand::Cancel(change) => (change, TaskChange::Operation(TaskOperation::Cancel)),
        TaskCommand::Resolve(change) => (change, TaskChange::Operation(TaskOperation::Resolve)),
        TaskCommand::Retry(change) => (change, TaskChange::Operation(TaskOperation::Retry)),
        TaskCommand::Pause(change) => (change, TaskChange::Pause),
        TaskCommand::Resume(change) => (change, TaskChange::Resume),
        TaskCommand::Priority { points, change } => (change, TaskChange::Priority(points)),
    };
    self::change(arguments, change, database).await
}

fn deed(change: TaskChange) -> Deed {
    let (word, done) = match change {
        TaskChange::Operation(operation) => (operation.as_str(), String::new()),
        TaskChange::Pause => ("pause", "paused".to_owned()),
        TaskChange::Resume => ("resume", "resumed".to_owned()),
        TaskChange::Priority(points) => ("priority", format!("{points:+} points of priority")),
    };
    Deed { word, done }
}

async fn change(arguments: Change, change: TaskChange, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let Change { choice, how } = arguments;
    let opened = open(database).await?;
    let deed = deed(change);
    let task_ids = choice.task_ids(&opened.ledger, deed.word, how.dry_run).await?;
    let actor = how.by.name();
    let answers = opened.ledger.change_tasks(&task_ids, change, how.operator(&actor)).await.map_err(failed)?;
    let answers: Vec<Answer> = answers
        .into_iter()
        .map(|(id, operated)| Answer { about: format!("task {id}"), ids: json!({ "task_id": id }), operated })
        .collect();
    tell(&deed, &answers, &how)
}
