//! `--context` and `--set`: the context of a task, wherever it comes from.

use std::io::Read;

use tasker_core::RunError;
use tasker_domain::code::{Code, Coded};
use tasker_domain::json::Json;
use tasker_domain::template::Template;

use crate::arguments::ContextArguments;
use crate::failure::{ExitStatus, Failure};

/// Reads the context and sets what `--set` says.
pub(crate) fn read(arguments: &ContextArguments) -> Result<Json, Failure> {
    let unreadable = |what: &str, error: &dyn std::fmt::Display| {
        Failure::bad(Code::CONTEXT_UNREADABLE, format!("the context {what} cannot be read: {error}"))
    };
    let (text, origin) = match arguments.context.as_deref() {
        None => ("{}".to_owned(), "given by --context".to_owned()),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| unreadable("on standard input", &error))?;
            (text, "on standard input".to_owned())
        }
        Some(argument) => match argument.strip_prefix('@') {
            Some(file) => {
                let origin = format!("in {file}");
                (std::fs::read_to_string(file).map_err(|error| unreadable(&origin, &error))?, origin)
            }
            None => (argument.to_owned(), "given by --context".to_owned()),
        },
    };
    let context = Json::parse(&text).map_err(|error| {
        Failure::bad(Code::CONTEXT_UNREADABLE, format!("the context {origin} is not JSON: {error}"))
            .advise("write an object such as '{\"order_id\": 7}', or @FILE to read one")
    })?;
    if !matches!(context, Json::Object(_)) {
        return Err(Failure::bad(Code::CONTEXT_UNREADABLE, format!("the context {origin} is not an object"))
            .advise("write an object such as '{\"order_id\": 7}'"));
    }
    with(context, &arguments.set)
}

/// Sets what `--set` says.
pub(crate) fn with(mut context: Json, assignments: &[String]) -> Result<Json, Failure> {
    for assignment in assignments {
        let Some((path, value)) = assignment.split_once('=') else {
            return Err(Failure::bad(Code::ASSIGNMENT_REFUSED, format!("--set {assignment} has no `=`"))
                .advise("write it as --set path.to.key=value"));
        };
        let value = Json::parse(value).unwrap_or_else(|_| Json::String(value.to_owned()));
        context
            .set_path(path, value)
            .map_err(|error| Failure::bad(error.code(), format!("--set {assignment}: {error}")))?;
    }
    Ok(context)
}

/// Checks a context as the engine will before it creates the task.
pub(crate) fn check(template: &Template, context: &Json) -> Result<(), Failure> {
    tasker_core::checked_context(template, context)
        .map(drop)
        .map_err(|error: RunError| Failure::coded(ExitStatus::Data, &error))
}
