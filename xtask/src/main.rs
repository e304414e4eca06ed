//! `cargo xtask`: see `cargo xtask help`.

use std::process::ExitCode;

use anyhow::Result;
use xtask::arguments::{self, Command, HELP};
use xtask::interrupt::Interrupts;
use xtask::steps::workspace_root;
use xtask::{behaviours, licences, test};

/// How a shell reports a program that could not understand its arguments.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match carry_out(&command) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: &Command) -> Result<ExitCode> {
    let interrupts = Interrupts::watch()?;
    let green = match command {
        Command::Help => {
            print!("{HELP}");
            Ok(true)
        }
        Command::Behaviours => behaviours::run(workspace_root()).map(|()| true),
        Command::Licences => licences::run(&interrupts).map(|()| true),
        Command::Test(options) => test::run(options, &interrupts),
    };
    // Whatever failed after a signal failed because of it.
    if let Some(exit_code) = interrupts.exit_code() {
        eprintln!("error: interrupted");
        return Ok(ExitCode::from(exit_code));
    }
    Ok(if green? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
