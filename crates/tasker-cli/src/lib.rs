//! What the command `tasker` does, as a library, so that tests reach every part of it.

mod arguments;
mod bench;
mod code;
mod command_line;
mod confirmation;
mod context;
mod database;
pub mod db;
mod explain;
mod failure;
mod feed;
mod handlers;
mod operate;
mod outcomes;
mod postgres;
mod printing;
mod run;
mod signals;
mod simulate;
mod template;
pub mod view;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

pub use arguments::{Arguments, Command};
pub use bench::BenchArguments;
use clap::Parser;
pub use failure::{ExitStatus, Failure};
use tasker_domain::code::Code;
use tracing_subscriber::EnvFilter;

/// How long the end of the program waits for threads that are in the middle of something.
const WIND_UP: Duration = Duration::from_millis(500);

/// Reads the arguments, does what they say and returns how it went.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return failure::usage(&refusal),
    };
    // Logs are for whoever asks for them: what a person needs is printed, not logged.
    let filter = EnvFilter::try_from_env("TASKER_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Failure::of(
                ExitStatus::Unavailable,
                Code::SYSTEM_THREADS,
                format!("the program cannot start its threads: {error}"),
            )
            .report();
        }
    };
    let done = runtime.block_on(dispatch(arguments));
    // What still runs is dropped, and with it the programs that it started; what cannot be dropped is not waited for.
    runtime.shutdown_timeout(WIND_UP);
    match done {
        Ok(status) => status.into(),
        Err(failure) => failure.report(),
    }
}

async fn dispatch(arguments: Arguments) -> Result<ExitStatus, Failure> {
    match arguments.command {
        Command::Run(run) => run::run(run, &arguments.database).await,
        Command::Bench(bench) => bench::run(bench, &arguments.database).await,
        Command::Worker(worker) => worker::run(worker, &arguments.database).await,
        Command::Task(command) => operate::task(command, &arguments.database).await,
        Command::Step(command) => operate::step(command, &arguments.database).await,
        Command::Why(why) => operate::why(why, &arguments.database).await,
        Command::Workers(workers) => operate::workers(workers, &arguments.database).await,
        Command::Queue(command) => operate::queue(command, &arguments.database).await,
        Command::Type(command) => operate::task_type(command, &arguments.database).await,
        Command::Operations(operations) => operate::operations(operations, &arguments.database).await,
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Template(command) => template::run(command),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Db(command) => database::db(command, &arguments.database).await,
        Command::Postgres(command) => database::postgres(command, &arguments.database).await,
    }
}
