//! `tasker template`.

mod check;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tasker_domain::problem::Style;
use tasker_domain::template::{Checked, Source, parse};
use tasker_domain::yaml::MAX_BYTES;

use crate::failure::{ExitStatus, Failure};
use crate::printing::to_stderr;

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Check template files and show every problem with its place
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Environment whose overlay counts
        #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
        environment: Option<String>,
    },
}

/// Does what the command says.
pub(crate) fn run(command: TemplateCommand) -> Result<ExitStatus, Failure> {
    match command {
        TemplateCommand::Check { files, environment } => check::run(&files, environment.as_deref()),
    }
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::new(ExitStatus::Unavailable, format!("the answer cannot be written: {error}"))
}

/// Reads and checks a template; warnings go to standard error.
pub(crate) fn load(file: &Path, environment: Option<&str>) -> Result<Checked, Failure> {
    let name = file.display().to_string();
    let unreadable = |error: std::io::Error| {
        let failure = Failure::data(format!("the template {name} cannot be read: {error}"));
        if error.kind() == std::io::ErrorKind::NotFound {
            failure.advise("check the path; it counts from the folder you are in")
        } else {
            failure
        }
    };
    let size = fs::metadata(file).map_err(unreadable)?.len();
    if size > MAX_BYTES as u64 {
        return Err(Failure::data(format!("the template {name} has {size} bytes; templates have at most {MAX_BYTES}"))
            .advise("data does not belong into a template: pass it as context or let a handler read it"));
    }
    let bytes = fs::read(file).map_err(unreadable)?;
    let style = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    {
        Style::Colour
    } else {
        Style::Plain
    };
    let width = crate::view::stderr_columns();
    match parse(&Source::new(name.clone(), bytes), environment) {
        Ok(checked) => {
            if !checked.warnings.is_empty() {
                to_stderr(format_args!("{}\n", checked.warnings.render(style, width)));
            }
            Ok(checked)
        }
        Err(problems) => {
            to_stderr(format_args!("{}\n", problems.render(style, width)));
            Err(Failure::data(format!("the template {name} cannot be used")))
        }
    }
}
