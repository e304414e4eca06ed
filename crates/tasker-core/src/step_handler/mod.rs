//! What a user writes to carry out a step, and what it is given.
//!
//! `handle()` is ours: it verifies the claim, calls [`StepHandler::process`] and [`StepHandler::process_results`],
//! enforces the time limit, catches panics and turns whatever happened into an outcome. The two methods of the trait
//! are the user's.

// Process groups and signals: programs are run on Unix only.
#[cfg(unix)]
pub mod command;
mod context;
mod excerpt;
pub mod http;
mod output;
mod settings;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use context::{AncestorResults, StepContext, StepContextBuilder};
pub use output::Output;
pub use settings::ConfigProblem;
pub use tasker_domain::retry::AskedWait;
pub use tasker_domain::step_error::{ErrorKind, StepError};

/// Carries out the steps of one handler name.
///
/// ```
/// use tasker_core::step_handler::{Output, StepContext, StepError, StepHandler};
///
/// struct Greet;
///
/// impl StepHandler for Greet {
///     async fn process(&self, step: StepContext) -> Result<Output, StepError> {
///         #[derive(serde::Deserialize)]
///         struct Person { name: String }
///         let person: Person = step.context()?;
///         Ok(Output::json(&serde_json::json!({ "greeting": format!("Hello, {}", person.name) }))?)
///     }
/// }
/// ```
pub trait StepHandler: Send + Sync + 'static {
    /// Does the work of one attempt and returns what is to be stored as the step's results.
    ///
    /// Called once per claim; it runs again when an attempt failed or its worker died, so an effect on another system
    /// should carry a key such as task id and step name by which that system knows a repetition.
    fn process(&self, step: StepContext) -> impl Future<Output = Result<Output, StepError>> + Send;

    /// Turns the output of [`process`](Self::process) into the results that are stored; by default they are the same.
    ///
    /// `initial` is what stood in the step's results before this attempt: `{}` on the first, the error of the last
    /// failure on a retry. An error from here fails the attempt like one from `process`.
    fn process_results(&self, step: &StepContext, output: Output, initial: &Output) -> Result<Output, StepError> {
        let _ = (step, initial);
        Ok(output)
    }
}

type BoxedOutcome<'a> = Pin<Box<dyn Future<Output = Result<Output, StepError>> + Send + 'a>>;

/// A [`StepHandler`] without its type, as the registry holds it.
pub trait DynStepHandler: Send + Sync + 'static {
    /// See [`StepHandler::process`].
    fn process_boxed(&self, step: StepContext) -> BoxedOutcome<'_>;
    /// See [`StepHandler::process_results`].
    fn process_results_boxed(&self, step: &StepContext, output: Output, initial: &Output) -> Result<Output, StepError>;
}

impl<H: StepHandler> DynStepHandler for H {
    fn process_boxed(&self, step: StepContext) -> BoxedOutcome<'_> {
        Box::pin(self.process(step))
    }

    fn process_results_boxed(&self, step: &StepContext, output: Output, initial: &Output) -> Result<Output, StepError> {
        self.process_results(step, output, initial)
    }
}

/// A handler as it is shared between the attempts that run at the same time.
pub type SharedHandler = Arc<dyn DynStepHandler>;

/// A closure as a handler; made by [`handler_fn`].
#[derive(Debug, Clone)]
pub struct HandlerFn<F>(F);

/// Makes a handler of a closure that returns a future of anything that can become an [`Output`].
///
/// ```
/// use tasker_core::step_handler::{StepContext, StepError, handler_fn};
///
/// let handler = handler_fn(|step: StepContext| async move {
///     Ok::<_, StepError>(serde_json::json!({ "attempt": step.attempt() }))
/// });
/// # let _ = handler;
/// ```
pub fn handler_fn<F, Fut, Out>(function: F) -> HandlerFn<F>
where
    F: Fn(StepContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out, StepError>> + Send + 'static,
    Out: Into<Output> + Send + 'static,
{
    HandlerFn(function)
}

impl<F, Fut, Out> StepHandler for HandlerFn<F>
where
    F: Fn(StepContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out, StepError>> + Send + 'static,
    Out: Into<Output> + Send + 'static,
{
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        (self.0)(step).await.map(Into::into)
    }
}
