//! The command `tasker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: this process may have been started to look after the private PostgreSQL.
    tasker_postgres::cluster::become_supervisor_if_asked();
    tasker_cli::main()
}
