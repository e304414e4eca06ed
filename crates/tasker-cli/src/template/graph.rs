//! `tasker template graph`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tasker_domain::code::Code;
use tasker_domain::diagram::Diagram;

use crate::failure::{ExitStatus, Failure};
use crate::printing::to_stdout;

use super::{load, unwritable};

/// Arguments of `tasker template graph`.
#[derive(Debug, Args)]
pub struct GraphArguments {
    /// The template, a YAML file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to draw it; without it, as the ending of the output's name says, otherwise text
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the picture to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Environment whose overlay counts
    #[arg(long, value_name = "NAME", env = "TASKER_ENV", hide_env_values = true)]
    environment: Option<String>,
}

/// What a picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A flowchart for Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture, for light and dark backgrounds
    Svg,
    /// Lines, level by level
    Text,
}

impl Format {
    fn of_ending(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "mmd" | "mermaid" => Some(Format::Mermaid),
            "dot" | "gv" => Some(Format::Dot),
            "svg" => Some(Format::Svg),
            "txt" => Some(Format::Text),
            _ => None,
        }
    }
}

/// Draws the graph of a template.
pub(super) fn run(arguments: &GraphArguments) -> Result<ExitStatus, Failure> {
    let GraphArguments { file, format, output, environment } = arguments;
    let by_ending = output.as_deref().and_then(Format::of_ending);
    let format = format.or(by_ending).unwrap_or(Format::Text);
    let checked = load(file, environment.as_deref())?;
    let diagram = Diagram::of_template(&checked.template).map_err(|error| Failure::coded(ExitStatus::Data, &error))?;
    let drawn = match format {
        Format::Mermaid => diagram.mermaid(),
        Format::Dot => diagram.dot(),
        Format::Svg => diagram.svg(),
        Format::Text => diagram.text(),
    };
    match output {
        None => to_stdout(format_args!("{}", drawn.trim_end())).map_err(unwritable)?,
        Some(output) => fs::write(output, drawn).map_err(|error| {
            Failure::of(
                ExitStatus::Unavailable,
                Code::OUTPUT,
                format!("the picture cannot be written to {}: {error}", output.display()),
            )
        })?,
    }
    Ok(ExitStatus::Success)
}
