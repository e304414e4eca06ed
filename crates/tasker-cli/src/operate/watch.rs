//! `tasker task watch`.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tasker_core::clock::{Clock, SystemClock};
use tasker_domain::state::TaskState;

use super::show::move_line;
use super::{failed, no_task, open, print, print_json};
use crate::arguments::{DatabaseArguments, duration};
use crate::failure::{ExitStatus, Failure};
use crate::printing::visible;
use crate::signals::Requests;

/// Arguments of `tasker task watch`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 the task is complete or was settled by hand, 1 it ended in error, 2 it was cancelled, 65 no such \
task, 69 no database, 130 interrupted before its end."
)]
pub struct WatchArguments {
    /// Id of the task
    pub task: i64,
    /// Print each move as one JSON document on a line of its own
    #[arg(long)]
    pub json: bool,
    /// Look this often: 1s, 500ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub every: Duration,
}

/// What the end of a task means for the exit status.
pub(super) fn status_of(state: TaskState) -> ExitStatus {
    match state {
        TaskState::Cancelled => ExitStatus::Cancelled,
        TaskState::Error => ExitStatus::Failed,
        _ => ExitStatus::Success,
    }
}

/// Prints each move as it happens.
pub(crate) async fn watch(arguments: WatchArguments, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let mut requests = Requests::listen()?;
    let opened = open(database).await?;
    let (ledger, task_id) = (&opened.ledger, arguments.task);
    let clock = SystemClock::new();
    let mut told: HashSet<(bool, i64)> = HashSet::new();
    loop {
        // First the state, then the moves: what comes between the two is told before the end is.
        let overview = ledger.task_overview(task_id).await.map_err(failed)?.ok_or_else(|| no_task(task_id))?;
        for row in ledger.history(task_id).await.map_err(failed)? {
            if !told.insert((row.step_id.is_some(), row.transition_id)) {
                continue;
            }
            if arguments.json {
                print_json(&row)?;
            } else {
                print(&visible(&format!("{}\n", move_line(&row))))?;
            }
        }
        if overview.state.is_at_rest() {
            if arguments.json {
                print_json(&json!({ "task_id": task_id, "state": overview.state }))?;
            } else {
                print(&format!("task {task_id}: {}\n", overview.state))?;
            }
            return Ok(status_of(overview.state));
        }
        tokio::select! {
            () = clock.sleep(arguments.every) => {}
            () = requests.next() => return Ok(ExitStatus::Interrupted),
        }
    }
}
