//! The kinds of failures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::verdict::Failure;

/// What a failure means for the step.
///
/// | kind | class | tried again | what to do about it |
/// |---|---|---|---|
/// | `failure` | `RuntimeError` | yes | let the handler say whether it passes |
/// | `retryable` | `Tasker::RetryableError` | yes | nothing, unless the attempts are used up |
/// | `permanent` | `Tasker::PermanentError` | never | mend the cause, then retry or resolve the step by hand |
/// | `timeout` | `Tasker::TimeoutError` | yes | raise `timeout_seconds` or make the step do less |
/// | `panic` | `Tasker::HandlerPanic` | yes | mend the handler |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl ErrorKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Failure, Self::Retryable, Self::Permanent, Self::Timeout, Self::Panic];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Retryable => "retryable",
            Self::Permanent => "permanent",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
        }
    }

    /// What stands in a row's `error_class` where the failure names no class of its own.
    pub fn class(self) -> &'static str {
        match self {
            Self::Failure => "RuntimeError",
            Self::Retryable => "Tasker::RetryableError",
            Self::Permanent => "Tasker::PermanentError",
            Self::Timeout => "Tasker::TimeoutError",
            Self::Panic => "Tasker::HandlerPanic",
        }
    }

    /// The kind that has this class, if one has.
    pub fn of_class(class: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.class() == class)
    }

    /// Whether another attempt may help.
    pub fn failure(self) -> Failure {
        match self {
            Self::Permanent => Failure::Permanent,
            Self::Failure | Self::Retryable | Self::Timeout | Self::Panic => Failure::MayPass,
        }
    }

    /// What a person can do about a step that died of it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Failure => "see to what the message says, then retry the step",
            Self::Retryable => "wait until what it needs is there again, then retry the step",
            Self::Permanent => "mend what the message says, then retry the step, or resolve it by hand",
            Self::Timeout => "raise the step's `timeout_seconds` or let it do less, then retry it",
            Self::Panic => "mend the handler, then retry the step",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no kind of failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of failure: use failure, retryable, permanent, timeout or panic")]
pub struct UnknownKind(String);

impl FromStr for ErrorKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
