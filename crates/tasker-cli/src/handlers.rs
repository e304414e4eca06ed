//! The handlers that the command brings along, for templates given as files.

use std::path::{Path, PathBuf};

use tasker_core::Handlers;
use tasker_core::step_handler::command::CommandHandler;
use tasker_core::step_handler::http::{ApiConfig, HttpHandler};
use tasker_domain::code::Code;
use tasker_domain::json::Json;
use tasker_domain::template::Template;

use crate::failure::Failure;

/// A template and the file that it was read from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) file: PathBuf,
    pub(crate) template: Template,
}

impl Loaded {
    /// `namespace/name version`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{} {}", self.template.namespace, self.template.name, self.template.version)
    }
}

/// `command` and `http`, with everything that the steps of these templates say about them.
///
/// # Errors
/// All problems of all templates at once.
pub(crate) fn built_in(loaded: &[Loaded]) -> Result<Handlers, Failure> {
    let mut command = CommandHandler::new();
    let mut problems = Vec::new();
    for one in loaded {
        let file = one.file.display();
        let folder = one.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Err(found) = command.add_template(&one.template, folder) {
            problems.extend(found.iter().map(|problem| format!("{file}: {problem}")));
        }
        for step in one.template.steps.iter().filter(|step| step.handler_class == HttpHandler::NAME) {
            let settings = step.handler_config.as_ref().unwrap_or(&Json::Null);
            if let Err(found) = ApiConfig::read(settings) {
                problems.extend(found.iter().map(|problem| format!("{file}: step `{}`: {problem}", step.name)));
            }
        }
    }
    if problems.is_empty() {
        return Ok(Handlers::new().with(CommandHandler::NAME, command).with(HttpHandler::NAME, HttpHandler::new()));
    }
    let list: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    Err(Failure::bad(Code::HANDLER_SETTINGS, format!("steps cannot be carried out as the templates say:{list}")))
}

/// The handlers of a template's steps that none of these is, each once.
pub(crate) fn missing<'t>(handlers: &Handlers, template: &'t Template) -> Vec<&'t str> {
    let mut names: Vec<&str> = template
        .steps
        .iter()
        .map(|step| step.handler_class.as_str())
        .filter(|name| handlers.get(name).is_none())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
