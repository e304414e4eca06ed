//! Handlers that are plain `async fn`s over a set of services.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use tasker_core::step_handler::{Output, SharedHandler, StepContext, StepError, handler_fn};

/// Handlers by the names that templates call them.
pub type Handlers = Vec<(&'static str, SharedHandler)>;

/// Makes a handler of a function that takes the services and the step and returns anything that can be written as JSON.
pub fn bound<S, F, Fut, T>(services: &S, function: F) -> SharedHandler
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, StepContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, StepError>> + Send + 'static,
    T: Serialize + Send + 'static,
{
    let services = services.clone();
    Arc::new(handler_fn(move |step| {
        let work = function(services.clone(), step);
        async move { Output::json(&work.await?) }
    }))
}

/// The key under which a step's effect on another system is known, the same for every attempt (at-least-once running
/// becomes exactly-once effect).
pub fn request_key(step: &StepContext) -> String {
    format!("{}-{}", step.task_id(), step.step_name())
}
