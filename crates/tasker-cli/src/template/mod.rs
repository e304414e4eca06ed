//! `tasker template`.

mod check;
mod diff;
mod graph;
mod schema;
mod show;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tasker_domain::code::{Code, Coded};
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
    /// Show a template as it counts: overlay laid over, defaults written out
    Show {
        /// The file
        file: PathBuf,
        /// Environment whose overlay counts
        #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
        environment: Option<String>,
        /// Print the canonical form, as it is stored, and its hash as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show what two versions of a template differ in, and whether a task could go from one to the other
    ///
    /// Exit status: 0 nothing differs, 1 something does, 65 one of them cannot be used.
    Diff {
        /// The file with the old version
        old: PathBuf,
        /// The file with the new version
        new: PathBuf,
        /// Environment whose overlay counts
        #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
        environment: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of templates, for editors
    Schema,
    /// Draw a template's graph: as text, Mermaid, Graphviz' DOT or SVG
    Graph(graph::GraphArguments),
}

/// Does what the command says.
pub(crate) fn run(command: TemplateCommand) -> Result<ExitStatus, Failure> {
    match command {
        TemplateCommand::Check { files, environment } => check::run(&files, environment.as_deref()),
        TemplateCommand::Show { file, environment, json } => show::run(&file, environment.as_deref(), json),
        TemplateCommand::Diff { old, new, environment, json } => diff::run(&old, &new, environment.as_deref(), json),
        TemplateCommand::Schema => schema::run(),
        TemplateCommand::Graph(arguments) => graph::run(&arguments),
    }
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::of(ExitStatus::Unavailable, Code::OUTPUT, format!("the answer cannot be written: {error}"))
}

/// Reads and checks a template; warnings go to standard error.
pub(crate) fn load(file: &Path, environment: Option<&str>) -> Result<Checked, Failure> {
    let name = file.display().to_string();
    let unreadable = |error: std::io::Error| {
        let failure = Failure::bad(Code::TEMPLATE_UNREADABLE, format!("the template {name} cannot be read: {error}"));
        if error.kind() == std::io::ErrorKind::NotFound {
            failure.advise("check the path; it counts from the folder you are in")
        } else {
            failure
        }
    };
    let size = fs::metadata(file).map_err(unreadable)?.len();
    if size > MAX_BYTES as u64 {
        return Err(Failure::bad(
            Code::TEMPLATE_UNREADABLE,
            format!("the template {name} has {size} bytes; templates have at most {MAX_BYTES}"),
        )
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
            Err(Failure::bad(problems.code(), format!("the template {name} cannot be used")))
        }
    }
}
