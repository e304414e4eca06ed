//! Ends of attempts as a simulation takes them: what the worker would settle, without a worker.

use tasker_domain::json::Json;
use tasker_domain::simulation::{Ending, Failed};
use tasker_domain::template::StepTemplate;
use tasker_domain::verdict::FailedAttempt;

use super::attempt::{check_storable, error_document};
use crate::step_handler::{Output, StepError};
use crate::tasker::MAX_RESULT_BYTES;

/// What an attempt of this step comes to in a simulation when its handler answers this: as with a worker, a result that
/// cannot be stored is a failure, and a failure leaves the keys that its row would have.
///
/// `attempt` counts from 1.
pub fn simulated_end(answer: Result<Output, StepError>, step: &StepTemplate, attempt: u32) -> Ending {
    let stored = answer.and_then(|output| {
        check_storable(&output, MAX_RESULT_BYTES)?;
        Json::parse(output.get()).map_err(StepError::from)
    });
    match stored {
        Ok(results) => Ending::Succeeds(results),
        Err(error) => Ending::Fails(simulated_failure(&error, step, attempt)),
    }
}

/// The failure of an attempt of this step, with the keys that its row would have. `attempt` counts from 1.
pub fn simulated_failure(error: &StepError, step: &StepTemplate, attempt: u32) -> Failed {
    let FailedAttempt { failure, asked, .. } = error.attempt(attempt, step.attempts_allowed());
    let mut document = Json::parse(error_document(error, step, attempt).get())
        .expect("what is written for an error is JSON of a few levels");
    let error = document.as_object_mut().map(std::mem::take).unwrap_or_default();
    Failed { failure, asked, error }
}
