//! Scripts that stand in for handlers: what each attempt of a step does, so that a definition can be tried without its
//! code.
//!
//! A script is a JSON object: step → list of what its attempts do, in order. Past the end of the list, and for steps
//! that are not named, attempts succeed.

mod read;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::json::{Json, ParseError};

/// What one attempt does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// How long it takes; nothing for no time at all.
    pub sleep: Option<Duration>,
    /// How it ends.
    pub end: End,
}

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It succeeds with this result.
    Succeed(Json),
    /// It fails.
    Fail {
        /// The kind of failure; nothing if only an HTTP status is given and it is to be judged by that.
        class: Option<FailureClass>,
        /// How long it asks to wait before the next attempt.
        retry_after: Option<Duration>,
        /// The HTTP status it answers with, 100 to 599.
        status: Option<u16>,
    },
}

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// An ordinary error, as an exception would be.
    Ordinary,
    /// The retryable error class.
    Retryable,
    /// The permanent error class: no further attempt.
    Permanent,
}

/// A place in a script where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptProblem {
    /// The step; nothing if it is the whole script.
    pub step: Option<String>,
    /// Which of the step's attempts, from 1; nothing if it is the step's whole entry.
    pub attempt: Option<usize>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Why a text is not a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptProblems {
    /// It is not JSON.
    NotJson(ParseError),
    /// It is JSON but says what no script can say; never empty.
    Wrong(Vec<ScriptProblem>),
}

impl fmt::Display for ScriptProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScriptProblems::NotJson(error) => write!(f, "the script is not JSON: {error}"),
            ScriptProblems::Wrong(list) => {
                f.write_str("the script cannot be used")?;
                list.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for ScriptProblems {}

impl fmt::Display for ScriptProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = &self.step {
            write!(f, "step {}", crate::problem::quoted(step))?;
            if let Some(attempt) = self.attempt {
                write!(f, ", attempt {attempt}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

/// A script that fits its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeScript {
    steps: HashMap<String, Vec<Written>>,
}

/// One entry as written: a success without a result of its own gets one that names the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    sleep: Option<Duration>,
    end: WrittenEnd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum WrittenEnd {
    Succeed(Option<Json>),
    Fail { class: Option<FailureClass>, retry_after: Option<Duration>, status: Option<u16> },
}

impl OutcomeScript {
    /// What an attempt of a step does; attempts count from 1.
    ///
    /// A success without a result of its own gives `{"ok": true}`, with `attempt` beside it if the step has a script.
    pub fn behaviour(&self, step_name: &str, attempt: u32) -> Behaviour {
        let Some(attempts) = self.steps.get(step_name) else {
            return Behaviour { sleep: None, end: End::Succeed(ok(None)) };
        };
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(written) = attempts.get(index) else {
            return Behaviour { sleep: None, end: End::Succeed(ok(Some(attempt))) };
        };
        let end = match &written.end {
            WrittenEnd::Succeed(result) => End::Succeed(result.clone().unwrap_or_else(|| ok(Some(attempt)))),
            &WrittenEnd::Fail { class, retry_after, status } => End::Fail { class, retry_after, status },
        };
        Behaviour { sleep: written.sleep, end }
    }
}

fn ok(attempt: Option<u32>) -> Json {
    let attempt = attempt.map(|number| ("attempt", Json::from(number)));
    std::iter::once(("ok", Json::Bool(true))).chain(attempt).collect()
}
