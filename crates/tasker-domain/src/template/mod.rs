//! Templates: YAML text in, a checked [`Template`] or every problem with its place out.

mod api_config;
mod canonical;
mod dependencies;
mod difference;
mod events;
mod format;
mod keys;
mod model;
mod overlay;
mod reader;
mod step;
mod task;
mod written;

pub use canonical::InvalidCanonical;
pub use difference::{Difference, FieldChange, Obstacle, Rewiring, StepChange};
pub use format::json_schema;
pub use model::{CustomEvent, InvalidVersion, Seconds, StepTemplate, Template, Version};

pub use crate::problem::{Label, Problem, Problems, Severity, Source, Style};

use crate::yaml;

/// A template without errors, and what its author should know of all the same.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The template.
    pub template: Template,
    /// Warnings only; often none.
    pub warnings: Problems,
}

/// Reads a template, lays the overlay of an environment over it, and checks everything.
///
/// An environment that the file has no overlay for gives the template as it is.
///
/// # Errors
/// Every problem found, warnings included, if at least one is an error.
pub fn parse(source: &Source, environment: Option<&str>) -> Result<Checked, Problems> {
    let (text, mut problems) = yaml::decode(&source.bytes);
    let mut template = None;
    if problems.is_empty() {
        let (root, found) = yaml::parse(&text);
        problems = found;
        template = root.filter(|root| !root.is_null()).and_then(|root| task::check(&root, environment, &mut problems));
        if template.is_none() && problems.is_empty() {
            problems.push(
                Problem::error("the file is empty")
                    .help("a template needs `name`, `task_handler_class` and `step_templates`"),
            );
        }
    }
    let problems = Problems::new(source.name.as_str(), text, problems);
    match template {
        Some(template) if !problems.has_errors() => Ok(Checked { template, warnings: problems }),
        _ => Err(problems),
    }
}
