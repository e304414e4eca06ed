//! How an attempt of a step can fail.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// What a failure means for the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// An ordinary failure: tried again until the attempts are used up.
    Failure,
    /// Known to be passing (unavailable, rate limited): tried again like an ordinary failure, after the wait it asks for.
    Retryable,
    /// Trying again cannot help: the step is dead at once.
    Permanent,
    /// The attempt took longer than its time limit; otherwise like an ordinary failure.
    Timeout,
    /// The handler panicked; otherwise like an ordinary failure.
    Panic,
}

/// The wait before the next attempt that a failure asks for, beside the one that every retry keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// None of its own.
    Default,
    /// At least this long, as a server's `Retry-After` or the handler says; capped at 300 s.
    Requested(Duration),
    /// The original's table for API steps: 1, 2, 4, 8, 16, 32 s …
    Table,
}

/// A failed attempt.
///
/// Any [`std::error::Error`] becomes an ordinary failure through `?`; the constructors say more.
#[derive(Clone)]
pub struct StepError {
    // Boxed, so that a `Result` of a handler stays small.
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    class: String,
    wait: Wait,
    code: Option<String>,
    details: Option<Value>,
}

impl StepError {
    fn new(kind: ErrorKind, message: String, class: &str) -> Self {
        let class = class.to_owned();
        Self { inner: Box::new(Inner { kind, message, class, wait: Wait::Default, code: None, details: None }) }
    }

    /// An ordinary failure.
    pub fn failure(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failure, message.into(), "RuntimeError")
    }

    /// A failure that passes.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retryable, message.into(), "Tasker::RetryableError")
    }

    /// A failure that stays: no further attempt is made.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, message.into(), "Tasker::PermanentError")
    }

    /// The attempt took longer than allowed.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Timeout, message.into(), "Tasker::TimeoutError")
    }

    /// The handler panicked.
    pub fn panic(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Panic, message.into(), "Tasker::HandlerPanic")
    }

    /// Asks for a wait before the next attempt.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.inner.wait = Wait::Requested(wait);
        self
    }

    /// Asks for the wait of the original's table for API steps.
    #[must_use]
    pub fn with_table_wait(mut self) -> Self {
        self.inner.wait = Wait::Table;
        self
    }

    /// A code that callers can tell the failure by, such as `PAYMENT_DECLINED`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.inner.code = Some(code.into());
        self
    }

    /// The name stored as `error_class`.
    #[must_use]
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.inner.class = class.into();
        self
    }

    /// More about the failure, stored as `error_details`; no secrets, no whole responses.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.inner.details = Some(details);
        self
    }

    /// What the failure means for the step.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The name stored as `error_class`.
    pub fn class(&self) -> &str {
        &self.inner.class
    }

    /// The wait asked for.
    pub fn wait(&self) -> Wait {
        self.inner.wait
    }

    /// The code, if one was given.
    pub fn code(&self) -> Option<&str> {
        self.inner.code.as_deref()
    }

    /// More about the failure, if anything was given.
    pub fn details(&self) -> Option<&Value> {
        self.inner.details.as_ref()
    }
}

impl fmt::Debug for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepError")
            .field("kind", &self.inner.kind)
            .field("class", &self.inner.class)
            .field("message", &self.inner.message)
            .field("wait", &self.inner.wait)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

// `StepError` itself is no `std::error::Error`, so that every other error converts with `?` (as in `anyhow`).
impl<E: std::error::Error> From<E> for StepError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        StepError::failure(message).with_class(std::any::type_name::<E>())
    }
}
