//! `--outcomes`: every handler replaced by a script, so that a definition can be tried without its code.

use std::path::Path;
use std::sync::Arc;

use tasker_core::step_handler::http::classify;
use tasker_core::{Output, StepContext, StepError, StepHandler};
use tasker_domain::script::{Behaviour, End, FailureClass, OutcomeScript};
use tasker_domain::template::Template;

use crate::failure::Failure;

/// Reads a script and checks it against the template.
pub(crate) fn load(file: &Path, template: &Template) -> Result<OutcomeScript, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::data(format!("the script of outcomes {} cannot be read: {error}", file.display())))?;
    OutcomeScript::parse(&text, template)
        .map_err(|problems| Failure::data(format!("the script of outcomes {} cannot be used:\n{problems}", file.display())))
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
                () = step.cancelled().cancelled() => return Err(StepError::retryable("the scripted attempt was told to stop")),
            }
        }
        let (class, retry_after, status) = match end {
            End::Succeed(result) => return Output::json(&result),
            End::Fail { class, retry_after, status } => (class, retry_after, status),
        };
        if let Some(status) = status {
            // As a server's answer would be judged; the class counts where the status would have been a success.
            classify(status, retry_after)?;
        }
        let error = match class {
            FailureClass::Fail => StepError::failure("scripted failure"),
            FailureClass::Retryable => StepError::retryable("scripted retryable failure"),
            FailureClass::Fatal => StepError::permanent("scripted permanent failure"),
        };
        Err(match retry_after {
            Some(wait) => error.retry_after(wait),
            None => error,
        })
    }
}
