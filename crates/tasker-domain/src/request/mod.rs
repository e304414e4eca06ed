//! Requests for tasks: what somebody asks for, read from JSON with every problem at once.

mod read;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::context::ContextCheck;
use crate::json::Json;
use crate::problem::{nearest, or_list, quoted};
use crate::template::{Template, Version};

/// Longest name of a task type or namespace, in characters.
pub const LONGEST_NAME: usize = 64;
/// Longest `initiator`, `source_system` and `reason`, in characters.
pub const LONGEST_ORIGIN: usize = 128;

/// A request for a task. Fields are called as in the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Name of the task type.
    pub name: String,
    /// Namespace of the task type; `default` unless given.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Version of the task type; the newest unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The context: an object.
    pub context: Json,
    /// Kept for the original's sake and without effect; `pending` unless given.
    #[serde(default = "pending")]
    pub status: String,
    /// Who asks; `unknown` unless given.
    #[serde(default = "unknown")]
    pub initiator: String,
    /// The system that asks; `unknown` unless given.
    #[serde(default = "unknown")]
    pub source_system: String,
    /// Why; `unknown` unless given.
    #[serde(default = "unknown")]
    pub reason: String,
    /// Kept for the original's sake and without effect.
    #[serde(default)]
    pub complete: bool,
    /// Words to find the task by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Names of steps that are to be complete without having run.
    #[serde(default)]
    pub bypass_steps: Vec<String>,
    /// When it was asked for. Without it the instant at which the task is made counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn pending() -> String {
    "pending".to_owned()
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// Something wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestProblem {
    /// JSON pointer into the request; empty for the whole.
    pub pointer: String,
    /// What is wrong: what was expected, what was found, and the nearest valid word.
    pub message: String,
}

/// Everything wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestProblems {
    /// The problems, in the order of the fields of [`TaskRequest`]; never empty.
    pub list: Vec<RequestProblem>,
}

impl fmt::Display for RequestProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request is refused")?;
        for problem in &self.list {
            let place = if problem.pointer.is_empty() {
                "at the top level".to_owned()
            } else {
                format!("at {}", quoted(&problem.pointer))
            };
            write!(f, "\n  {place}: {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for RequestProblems {}

/// A request without errors, and what its author should know of all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRequest {
    /// The request.
    pub request: TaskRequest,
    /// Keys that mean nothing; they are ignored.
    pub ignored: Vec<RequestProblem>,
}

impl TaskRequest {
    /// A request for a task of this type, with the defaults of everything else.
    pub fn new(name: impl Into<String>, context: Json) -> Self {
        TaskRequest {
            name: name.into(),
            namespace: default_namespace(),
            version: None,
            context,
            status: pending(),
            initiator: unknown(),
            source_system: unknown(),
            reason: unknown(),
            complete: false,
            tags: Vec::new(),
            bypass_steps: Vec::new(),
            requested_at: None,
        }
    }

    /// Reads a request. Types are strict: a number is no text. An optional field that is null counts as absent.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(json: &Json) -> Result<CheckedRequest, RequestProblems> {
        read::request(json)
    }

    /// Judges the request by the template that it asks for: its context, defaults filled in, and the steps to bypass
    /// . Returns the context that the task stores.
    ///
    /// # Errors
    /// Every problem at once; also if the template's schema cannot be used.
    pub fn check_by(&self, template: &Template) -> Result<Json, RequestProblems> {
        let mut list = Vec::new();
        let context = match ContextCheck::new(template) {
            Ok(check) => check.check(&self.context).map_err(|problems| {
                list.extend(problems.list.into_iter().map(|violation| RequestProblem {
                    pointer: format!("/context{}", violation.pointer),
                    message: violation.message,
                }));
                if problems.left_out > 0 {
                    let message = format!("and {} more violations", problems.left_out);
                    list.push(RequestProblem { pointer: "/context".to_owned(), message });
                }
            }),
            Err(problems) => {
                list.push(RequestProblem { pointer: "/context".to_owned(), message: problems.to_string() });
                Err(())
            }
        };
        if let Err(problems) = places_to_bypass(&self.bypass_steps, template) {
            list.extend(problems.list);
        }
        match context {
            Ok(context) if list.is_empty() => Ok(context),
            _ => Err(RequestProblems { list }),
        }
    }
}

/// The places in the template of steps that are to be bypassed, in the order given, each once.
///
/// # Errors
/// A problem for each name that the template does not have, with the nearest that it has, and for each step that it does
/// not call skippable.
pub fn places_to_bypass(names: &[String], template: &Template) -> Result<Vec<usize>, RequestProblems> {
    let (mut places, mut list) = (Vec::new(), Vec::new());
    for (at, name) in names.iter().enumerate() {
        match place_to_bypass(name, template) {
            Ok(place) if places.contains(&place) => {}
            Ok(place) => places.push(place),
            Err(message) => list.push(RequestProblem { pointer: format!("/bypass_steps/{at}"), message }),
        }
    }
    if list.is_empty() { Ok(places) } else { Err(RequestProblems { list }) }
}

fn place_to_bypass(name: &str, template: &Template) -> Result<usize, String> {
    let Some(place) = template.steps.iter().position(|step| step.name == name) else {
        let names = template.steps.iter().map(|step| step.name.as_str());
        let near: Vec<String> = nearest(name, names).into_iter().map(quoted).collect();
        let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", or_list(&near)) };
        return Err(format!("{} is no step of the template{hint}", quoted(name)));
    };
    if !template.steps[place].skippable {
        return Err(format!("step {} cannot be bypassed: its template does not say `skippable: true`", quoted(name)));
    }
    Ok(place)
}
