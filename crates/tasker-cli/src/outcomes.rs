//! `--outcomes`: every handler replaced by a script, so that a definition can be tried without its code.

use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDateTime;
use tasker_core::step_handler::ErrorKind;
use tasker_core::step_handler::http::{ApiResponse, Backoff, classify};
use tasker_core::{Output, StepContext, StepError, StepHandler};
use tasker_domain::code::Code;
use tasker_domain::script::{Behaviour, End, FailureClass, OutcomeScript, ScriptProblems};
use tasker_domain::template::Template;

use crate::failure::Failure;

/// Reads a script and checks it against the template.
pub(crate) fn load(file: &Path, template: &Template) -> Result<OutcomeScript, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::bad(Code::SCRIPT_REFUSED, format!("the script of outcomes {} cannot be read: {error}", file.display()))
    })?;
    OutcomeScript::parse(&text, template).map_err(|problems| {
        let what = match problems {
            ScriptProblems::NotJson(error) => format!("is not JSON: {error}"),
            ScriptProblems::Wrong(list) => {
                list.iter().fold("cannot be used".to_owned(), |said, problem| format!("{said}\n  {problem}"))
            }
        };
        Failure::bad(Code::SCRIPT_REFUSED, format!("the script of outcomes {} {what}", file.display()))
    })
}

/// Carries out every step as its script says.
pub(crate) struct Scripted {
    script: Arc<OutcomeScript>,
}

impl Scripted {
    pub(crate) fn new(script: OutcomeScript) -> Self {
        Self { script: Arc::new(script) }
    }
}

impl StepHandler for Scripted {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        let Behaviour { sleep, end } = self.script.behaviour(step.step_name(), step.attempt());
        if let Some(time) = sleep {
            tokio::select! {
                () = step.clock().sleep(time) => {}
                () = step.cancelled().cancelled() => return Err(told_to_stop()),
            }
        }
        answer(end, step.clock().wall_time())
    }
}

/// What an attempt answers whose script says that it ends like this; `now` (UTC) is the instant of its end.
pub(crate) fn answer(end: End, now: NaiveDateTime) -> Result<Output, StepError> {
    let (class, retry_after, status) = match end {
        End::Succeed(result) => return Output::json(&result),
        End::Fail { class, retry_after, status } => (class, retry_after, status),
    };
    let answer = status.map(|status| {
        let answer = ApiResponse::new(status);
        match retry_after {
            Some(wait) => answer.with_header("retry-after", wait.as_secs_f64().ceil().to_string()),
            None => answer,
        }
    });
    let judged = answer.map(|answer| classify(&answer, Backoff::Table, now));
    let error = match (class, judged) {
        (Some(FailureClass::Ordinary), _) => StepError::failure("scripted failure"),
        (Some(FailureClass::Permanent), _) => StepError::permanent("scripted permanent failure"),
        // An answer of 429 or 503 asks for the table's wait, whatever the class is called.
        (Some(FailureClass::Retryable), Some(Err(by_status))) if by_status.kind() == ErrorKind::Retryable => by_status,
        (Some(FailureClass::Retryable), _) => StepError::retryable("scripted retryable failure"),
        (None, Some(Err(by_status))) => by_status,
        (None, _) => StepError::failure("scripted failure"),
    };
    Err(match retry_after {
        Some(wait) => error.retry_after(wait),
        None => error,
    })
}

/// The failure of an attempt that was told to stop before its end.
pub(crate) fn told_to_stop() -> StepError {
    StepError::retryable("the scripted attempt was told to stop")
}
