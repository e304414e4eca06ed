//! How an attempt of a step can fail: what a handler says, and how it stands in the rows.
//!
//! Whether and when a step is tried again follows from the kind and the wait alone, never from the text.

mod kind;
mod stored;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use kind::{ErrorKind, UnknownKind};
pub use stored::StoredError;

use crate::retry::AskedWait;
use crate::verdict::FailedAttempt;

/// A failed attempt.
///
/// Any [`std::error::Error`] becomes an ordinary failure through `?`; the constructors say more.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepError {
    // Boxed, so that a `Result` of a handler stays small.
    inner: Box<Inner>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    kind: ErrorKind,
    message: String,
    class: String,
    asked: AskedWait,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

impl StepError {
    /// A failure of a kind, with the kind's class.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (message, class) = (message.into(), kind.class().to_owned());
        Self { inner: Box::new(Inner { kind, message, class, asked: AskedWait::Nothing, code: None, details: None }) }
    }

    /// An ordinary failure.
    pub fn failure(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failure, message)
    }

    /// A failure that passes.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retryable, message)
    }

    /// A failure that stays: no further attempt is made.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, message)
    }

    /// The attempt took longer than allowed.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Timeout, message)
    }

    /// The handler panicked.
    pub fn panic(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Panic, message)
    }

    /// Asks for a wait before the next attempt.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.inner.asked = AskedWait::AtLeast(wait);
        self
    }

    /// Asks for the wait of the original's table for API steps.
    #[must_use]
    pub fn with_table_wait(mut self) -> Self {
        self.inner.asked = AskedWait::Table;
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

    /// More about the failure, an object, stored as `error_context` of the `error_details`; no secrets, no whole responses.
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

    /// The wait asked for before the next attempt, beside the one that every retry keeps.
    pub fn asked(&self) -> AskedWait {
        self.inner.asked
    }

    /// What is known of an attempt that failed so.
    pub fn attempt(&self, attempt: u32, attempts_allowed: u32) -> FailedAttempt {
        FailedAttempt { attempt, attempts_allowed, failure: self.kind().failure(), asked: self.asked() }
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
            .field("asked", &self.inner.asked)
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
