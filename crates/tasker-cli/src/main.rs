//! cli
use std::process::ExitCode;

use clap::Parser;

mod postgres;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// The private cluster
    #[command(subcommand)]
    Postgres(postgres::PostgresCommand),
}

fn main() -> ExitCode {
    tasker_postgres::cluster::become_supervisor_if_asked();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(71);
        }
    };
    let Command::Postgres(command) = cli.command;
    match runtime.block_on(postgres::run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
