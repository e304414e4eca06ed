//! `tasker step`.

use clap::{Args, Subcommand};
use serde_json::json;
use serde_json::value::RawValue;
use tasker_core::ops::{StepName, find_step};
use tasker_domain::json::Json;
use tasker_postgres::ledger::StepChange;

use super::answers::{Answer, Deed, tell};
use super::show::ShowStepArguments;
use super::{How, failed, open};
use crate::arguments::DatabaseArguments;
use crate::failure::{ExitStatus, Failure};

/// What to do with steps.
#[derive(Debug, Subcommand)]
pub enum StepCommand {
    /// Show a step, its results and its history
    Show(ShowStepArguments),
    /// Call steps off; each holds its task from then on
    Cancel(Change),
    /// Settle steps by hand: what waits for them goes on without results of theirs
    Resolve(Change),
    /// End steps well with given results, without their handler or instead of it
    Complete {
        /// The results: JSON text, or @FILE
        #[arg(long, value_name = "JSON")]
        results: String,
        /// Which steps.
        #[command(flatten)]
        change: Change,
    },
    /// Pass over steps that have not begun
    Bypass(Change),
    /// Try failed steps again, now
    Retry {
        /// At least so many more attempts
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
        attempts: u32,
        /// Which steps.
        #[command(flatten)]
        change: Change,
    },
    /// Change how many attempts steps have in all
    Limit {
        /// So many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        attempts: u32,
        /// Which steps.
        #[command(flatten)]
        change: Change,
    },
}

/// A change of steps.
#[derive(Debug, Args)]
#[command(
    after_help = "What is so already is said to be and left alone, so a command can be given twice. Exit status: 0 everything is as \
asked for, 1 something was refused, 64 wrong arguments, 65 a step or file is not there, 69 no database."
)]
pub struct Change {
    /// Steps, by their ids or as TASK/STEP: 41 or 7/ship
    #[arg(required = true, value_name = "STEP")]
    pub steps: Vec<StepName>,
    /// Who, why and how.
    #[command(flatten)]
    pub how: How,
}

/// Does what the command says.
pub(crate) async fn step(command: StepCommand, database: &DatabaseArguments) -> Result<ExitStatus, Failure> {
    let (arguments, change, deed) = match command {
        StepCommand::Show(arguments) => return super::show::step(arguments, database).await,
        StepCommand::Cancel(change) => (change, StepChange::Cancel, "cancel"),
        StepCommand::Resolve(change) => (change, StepChange::Resolve, "resolve"),
        StepCommand::Complete { results, change } => {
            (change, StepChange::Complete { results: read_results(&results)? }, "complete")
        }
        StepCommand::Bypass(change) => (change, StepChange::Bypass, "bypass"),
        StepCommand::Retry { attempts, change } => (change, StepChange::Retry { attempts }, "retry"),
        StepCommand::Limit { attempts, change } => (change, StepChange::Limit { attempts }, "limit"),
    };
    let done = match &change {
        StepChange::Limit { attempts } => format!("{attempts} attempts in all"),
        _ => String::new(),
    };
    let Change { steps, how } = arguments;
    let opened = open(database).await?;
    let actor = how.by.name();
    // Names are looked up before anything is changed: a slip of the pen changes nothing.
    let mut found = Vec::new();
    for step in &steps {
        let (step_id, task_id) = find_step(&opened.ledger, step).await.map_err(not_found)?;
        found.push((step, step_id, task_id));
    }
    let mut answers = Vec::new();
    for (step, step_id, task_id) in found {
        let operated = opened.ledger.change_step(step_id, &change, how.operator(&actor)).await.map_err(failed)?;
        let about = match step {
            StepName::Id(id) => format!("step {id} of task {task_id}"),
            name => format!("step {name}"),
        };
        answers.push(Answer { about, ids: json!({ "task_id": task_id, "step_id": step_id }), operated });
    }
    tell(&Deed { word: deed, done }, &answers, &how)
}

pub(super) fn not_found(error: tasker_core::ops::StepNotFound) -> Failure {
    match error {
        tasker_core::ops::StepNotFound::Ledger(error) => failed(error),
        error => Failure::coded(ExitStatus::Data, &error),
    }
}

/// The results of `--results`, checked as far as that can be done without the database.
fn read_results(argument: &str) -> Result<Box<RawValue>, Failure> {
    let (text, origin) = match argument.strip_prefix('@') {
        None => (argument.to_owned(), "given by --results".to_owned()),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::data(format!("the results in {file} cannot be read: {error}")))?;
            (text, format!("in {file}"))
        }
    };
    let bad = |error: &dyn std::fmt::Display| {
        Failure::data(format!("the results {origin} cannot be used: {error}"))
            .advise("write JSON such as '{\"tracking\": \"RX7\"}', or @FILE to read it")
    };
    let results = Json::parse(&text).map_err(|error| bad(&error))?;
    results.check_storable().map_err(|error| bad(&error))?;
    RawValue::from_string(results.to_string()).map_err(|error| bad(&error))
}
