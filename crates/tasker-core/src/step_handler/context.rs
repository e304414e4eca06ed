//! What a handler sees of its step and task.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tasker_domain::correlation::CorrelationId;
use tasker_domain::json::Json;
use tokio_util::sync::CancellationToken;

use super::{Output, StepError};
use crate::clock::{Clock, SystemClock};

type Fetched<'a> = Pin<Box<dyn std::future::Future<Output = Result<Option<Output>, StepError>> + Send + 'a>>;

/// Fetches results of steps that did not travel with the claim: those of further ancestors, and parents' results that
/// together are larger than 256 KiB.
pub trait AncestorResults: Send + Sync {
    /// Results of the step of this name in the task, or nothing if it has not completed.
    fn fetch<'a>(&'a self, task_id: i64, step_name: &'a str) -> Fetched<'a>;
}

/// An immutable view of one attempt: the task, the step, the results of the steps before it. Cheap to clone.
#[derive(Clone)]
pub struct StepContext {
    inner: Arc<Inner>,
}

struct Inner {
    task_id: i64,
    task_name: String,
    namespace: String,
    version: String,
    context: Arc<Output>,
    step_id: i64,
    step_name: String,
    handler_class: String,
    handler_config: Option<Json>,
    attempt: u32,
    retry_limit: u32,
    previous_results: Output,
    parents: HashMap<String, Arc<Output>>,
    ancestors: Option<Arc<dyn AncestorResults>>,
    cancelled: CancellationToken,
    clock: Arc<dyn Clock>,
    correlation_id: Option<CorrelationId>,
}

impl StepContext {
    /// Starts a context for a test of a handler; everything has a default.
    pub fn builder(step_name: impl Into<String>) -> StepContextBuilder {
        StepContextBuilder {
            inner: Inner {
                task_id: 1,
                task_name: "task".to_owned(),
                namespace: "default".to_owned(),
                version: "0.1.0".to_owned(),
                context: Arc::new(Output::empty()),
                step_id: 1,
                step_name: step_name.into(),
                handler_class: String::new(),
                handler_config: None,
                attempt: 1,
                retry_limit: 3,
                previous_results: Output::empty(),
                parents: HashMap::new(),
                ancestors: None,
                cancelled: CancellationToken::new(),
                clock: Arc::new(SystemClock::new()),
                correlation_id: None,
            },
        }
    }

    /// Id of the task.
    pub fn task_id(&self) -> i64 {
        self.inner.task_id
    }

    /// Name of the task type.
    pub fn task_name(&self) -> &str {
        &self.inner.task_name
    }

    /// Namespace of the task type.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// Version of the task type.
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    /// The task's context, read into a type of the handler's.
    ///
    /// # Errors
    /// A permanent error that names the place where the context does not fit the type: trying again cannot help.
    pub fn context<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        self.inner.context.read().map_err(|error| {
            StepError::permanent(format!("the task's context does not have the form this step needs: {error}"))
                .with_class("InvalidContext")
        })
    }

    /// The task's context as JSON text.
    pub fn raw_context(&self) -> &Output {
        &self.inner.context
    }

    /// Id of the step.
    pub fn step_id(&self) -> i64 {
        self.inner.step_id
    }

    /// Name of the step.
    pub fn step_name(&self) -> &str {
        &self.inner.step_name
    }

    /// Name of the handler that the template gives the step.
    pub fn handler_class(&self) -> &str {
        &self.inner.handler_class
    }

    /// Settings that the template gives the handler.
    pub fn handler_config(&self) -> Option<&Json> {
        self.inner.handler_config.as_ref()
    }

    /// Number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// Number of attempts the step gets in all.
    pub fn retry_limit(&self) -> u32 {
        self.inner.retry_limit
    }

    /// What stood in the step's results before this attempt: `{}` on the first, the last failure on a retry.
    pub fn previous_results(&self) -> &Output {
        &self.inner.previous_results
    }

    /// Results of an earlier step, or nothing if the task has no completed step of that name.
    ///
    /// # Errors
    /// The results had to be fetched and the database could not be reached.
    pub async fn results(&self, step_name: &str) -> Result<Option<Arc<Output>>, StepError> {
        if let Some(results) = self.inner.parents.get(step_name) {
            return Ok(Some(results.clone()));
        }
        match &self.inner.ancestors {
            Some(ancestors) => Ok(ancestors.fetch(self.inner.task_id, step_name).await?.map(Arc::new)),
            None => Ok(None),
        }
    }

    /// Results of an earlier step, read into a type.
    ///
    /// # Errors
    /// A permanent error if the step has no results or they do not fit the type; a failure if the database could not
    /// be reached.
    pub async fn results_of<T: DeserializeOwned>(&self, step_name: &str) -> Result<T, StepError> {
        let results = self.results(step_name).await?.ok_or_else(|| {
            StepError::permanent(format!("step `{step_name}` has left no results")).with_code("MISSING_STEP_RESULTS")
        })?;
        results.read().map_err(|error| {
            StepError::permanent(format!("the results of step `{step_name}` do not have the form needed: {error}"))
                .with_code("INVALID_STEP_RESULTS")
        })
    }

    /// The results of the step's parents that travelled with the claim, by step name.
    pub fn parent_results(&self) -> &HashMap<String, Arc<Output>> {
        &self.inner.parents
    }

    /// Signalled when the attempt should stop: its result would no longer be taken, or the program is shutting down.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.inner.cancelled
    }

    /// The word under which everything that this run or worker does is found in logs, to be handed on in calls to others
    /// (B-CON-037); nothing in a context that a test has built without one.
    pub fn correlation_id(&self) -> Option<&CorrelationId> {
        self.inner.correlation_id.as_ref()
    }

    /// The clock to wait by; a test moves it.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }
}

impl fmt::Debug for StepContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepContext")
            .field("task_id", &self.inner.task_id)
            .field("step_name", &self.inner.step_name)
            .field("attempt", &self.inner.attempt)
            .finish_non_exhaustive()
    }
}

/// Builds a [`StepContext`] piece by piece.
pub struct StepContextBuilder {
    inner: Inner,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => |$inner:ident, $value:ident| $set:expr;)*) => {
        $($(#[$doc])* #[must_use] pub fn $name(mut self, $value: $type) -> Self {
            let $inner = &mut self.inner;
            $set;
            self
        })*
    };
}

impl StepContextBuilder {
    setters! {
        /// Id, namespace, name and version of the task.
        task: (i64, &str, &str, &str) => |inner, value| {
            inner.task_id = value.0;
            inner.namespace = value.1.to_owned();
            inner.task_name = value.2.to_owned();
            inner.version = value.3.to_owned();
        };
        /// The task's context.
        context: Arc<Output> => |inner, value| inner.context = value;
        /// Id of the step.
        step_id: i64 => |inner, value| inner.step_id = value;
        /// Name of the handler.
        handler_class: String => |inner, value| inner.handler_class = value;
        /// Settings of the handler.
        handler_config: Option<Json> => |inner, value| inner.handler_config = value;
        /// Number of the attempt, from 1.
        attempt: u32 => |inner, value| inner.attempt = value;
        /// Number of attempts in all.
        retry_limit: u32 => |inner, value| inner.retry_limit = value;
        /// What stood in the step's results before.
        previous_results: Output => |inner, value| inner.previous_results = value;
        /// Results of the parents, by step name.
        parents: HashMap<String, Arc<Output>> => |inner, value| inner.parents = value;
        /// Where results that did not travel with the claim are fetched.
        ancestors: Option<Arc<dyn AncestorResults>> => |inner, value| inner.ancestors = value;
        /// The signal to stop.
        cancelled: CancellationToken => |inner, value| inner.cancelled = value;
        /// The clock to wait by.
        clock: Arc<dyn Clock> => |inner, value| inner.clock = value;
        /// The word for logs.
        correlation_id: CorrelationId => |inner, value| inner.correlation_id = Some(value);
    }

    /// The finished context.
    pub fn build(self) -> StepContext {
        StepContext { inner: Arc::new(self.inner) }
    }
}
