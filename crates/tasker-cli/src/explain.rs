//! `tasker explain`: the page about a code.

use std::fmt::Write as _;

use clap::Args;
use tasker_domain::code::Code;

use crate::failure::{ExitStatus, Failure};
use crate::printing::to_stdout;

/// Which code.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The code, such as TSK-0012; without one, all of them are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

/// Prints the page, or the list.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<ExitStatus, Failure> {
    let answer = match &arguments.code {
        Some(text) => {
            let code: Code = text.parse().map_err(|error| {
                Failure::coded(ExitStatus::Usage, &error).advise("`tasker explain` lists the codes that there are")
            })?;
            code.page().trim_end().to_owned()
        }
        None => list(),
    };
    to_stdout(format_args!("{answer}")).map_err(|error| {
        Failure::of(ExitStatus::Unavailable, Code::OUTPUT, format!("the answer cannot be written: {error}"))
    })?;
    Ok(ExitStatus::Success)
}

fn list() -> String {
    let mut lines = String::new();
    for code in Code::all() {
        // Writing into a text cannot fail.
        let _ = writeln!(lines, "{code}  {}", code.title());
    }
    lines.trim_end().to_owned()
}
