//! The rules beside the SQL functions on the same rows: runs `readiness-against-sql` of `tasker-benchmarks`, which makes a
//! PostgreSQL cluster for it and prints the ratios.
#![allow(missing_docs)]

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // `cargo test --benches` runs every benchmark once to see that it works; this one takes a build of its own.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["run", "--release", "--quiet", "-p", "tasker-benchmarks", "--bin", "readiness-against-sql"];
    match Command::new(cargo).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo could not be run: {error}");
            ExitCode::FAILURE
        }
    }
}
