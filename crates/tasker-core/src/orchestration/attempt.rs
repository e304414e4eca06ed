//! One attempt of a step: `handle()`, the part of a step handler that is ours.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use serde_json::value::RawValue;
use tasker_domain::json::Json;
use tasker_domain::simulation::CutShort;
use tasker_domain::template::StepTemplate;
use tasker_domain::verdict::{self, Verdict};
use tasker_postgres::ledger::Settlement;

use crate::entropy::Entropy;
use crate::step_handler::{Output, SharedHandler, StepContext, StepError};

/// How long a handler that was told to stop has to wind up before it is dropped.
const WIND_UP: Duration = Duration::from_secs(3);

/// Runs one attempt to its end: the user's two methods, the time limit, panics, and whether the result can be stored.
pub(crate) async fn handle(
    handler: &SharedHandler,
    step: StepContext,
    limit: Option<Duration>,
    max_result_bytes: usize,
) -> Result<Output, StepError> {
    let clock = step.clock().clone();
    let cancelled = step.cancelled().clone();
    let initial = step.previous_results().clone();
    let seen_by_results = step.clone();
    let work = AssertUnwindSafe(async {
        let output = handler.process_boxed(step).await?;
        handler.process_results_boxed(&seen_by_results, output, &initial)
    })
    .catch_unwind();
    tokio::pin!(work);
    // The limit counts from here, before the handler has done anything.
    let deadline = limit.map(|limit| (limit, clock.deadline(limit)));
    let limit_passed = async {
        match deadline {
            Some((limit, passed)) => {
                passed.await;
                limit
            }
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = &mut work => ended,
        limit = limit_passed => {
            // The handler is told, and gets a moment to end what it started, a process group for instance.
            cancelled.cancel();
            let wound_up = tokio::select! {
                ended = &mut work => Some(ended),
                () = clock.deadline(WIND_UP) => None,
            };
            // A result that arrived in that moment is still a result: what was done is done.
            match wound_up {
                Some(Ok(Ok(output))) => Ok(Ok(output)),
                _ => {
                    return Err(over_its_limit(limit));
                }
            }
        }
    };
    let output = ended.unwrap_or_else(|panic| Err(StepError::panic(panic_text(panic.as_ref()))))?;
    check_storable(&output, max_result_bytes)?;
    Ok(output)
}

/// The failure of an attempt that took longer than its step's `timeout_seconds`.
pub fn over_its_limit(limit: Duration) -> StepError {
    StepError::timeout(CutShort::TimeLimit(limit).to_string())
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    format!("the handler panicked: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}

/// what PostgreSQL could not store fails the step here, alone, and says why.
pub(super) fn check_storable(output: &Output, max_result_bytes: usize) -> Result<(), StepError> {
    let invalid = |message: String| StepError::failure(message).with_class("Tasker::InvalidResult");
    let size = output.get().len();
    if size > max_result_bytes {
        return Err(invalid(format!(
            "the result has {size} bytes, more than the {max_result_bytes} that `execution.max_result_bytes` allows: store it elsewhere and return where"
        )));
    }
    let value = Json::parse(output.get()).map_err(|error| invalid(format!("the result cannot be stored: {error}")))?;
    value.check_storable().map_err(|error| invalid(format!("the result cannot be stored: {error}")))
}

/// Turns the end of an attempt into what the exchange writes: the decision is [`verdict::after_failure`]'s.
pub(crate) fn settle(
    ended: Result<Output, StepError>,
    template: &StepTemplate,
    attempt: u32,
    attempts_allowed: u32,
    entropy: &Entropy,
) -> Settlement {
    let error = match ended {
        Ok(output) => return Settlement::Success { results: output.into_raw() },
        Err(error) => error,
    };
    let document = error_document(&error, template, attempt);
    let mut chance = || entropy.fraction();
    let verdict =
        verdict::after_failure(error.attempt(attempt, attempts_allowed), template.jitter.then_some(&mut chance));
    settlement(verdict, document, None)
}

/// The settlement of a verdict.
pub(crate) fn settlement(verdict: Verdict, error: Box<RawValue>, note: Option<&'static str>) -> Settlement {
    match verdict {
        Verdict::Retry(wait) => Settlement::Retry { error, wait: wait.wait, asked_seconds: wait.asked_seconds, note },
        Verdict::Exhausted { asked_seconds } => Settlement::Exhausted { error, asked_seconds, note },
        Verdict::Permanent => Settlement::Permanent { error },
    }
}

/// The keys under which Rails stores an error.
pub(super) fn error_document(error: &StepError, template: &StepTemplate, attempt: u32) -> Box<RawValue> {
    // A failure has no stack once it is a value; what it came from takes the place.
    let origin = format!("{} (step {}, attempt {attempt})", template.handler_class, template.name);
    Output::from(Value::Object(error.document(&origin))).into_raw()
}
