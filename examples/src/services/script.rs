//! What goes wrong, and when: a script by which the services of the examples fail on purpose.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tasker_core::step_handler::StepError;
use tasker_core::step_handler::http::{ApiResponse, Backoff, classify};

/// Why a service did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Refusal {
    /// It answered with this HTTP status.
    Status {
        /// The status, such as 503.
        status: u16,
        /// Its `Retry-After` header in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Nothing answered.
    Unreachable,
    /// It answered, but with this word in place of success: `pending`, `declined`.
    Says(String),
}

impl Refusal {
    /// An HTTP status without `Retry-After`.
    pub fn status(status: u16) -> Self {
        Refusal::Status { status, retry_after: None }
    }

    /// What the refusal means for a step that has nothing special to say about it. `doing` names what was tried.
    ///
    /// An HTTP status is judged as the original's API steps judge it: 429 and 503 pass and may name the wait, client
    /// errors stay, everything else is tried again without a wait of its own.
    pub fn into_error(self, doing: &str) -> StepError {
        match self {
            Refusal::Unreachable => StepError::retryable(format!("{doing}: the service cannot be reached")),
            Refusal::Says(word) => {
                StepError::retryable(format!("{doing}: the service answered `{word}`")).with_code("UNEXPECTED_ANSWER")
            }
            Refusal::Status { status, retry_after } => {
                let mut response = ApiResponse::new(status).with_body(doing);
                if let Some(seconds) = retry_after {
                    response = response.with_header("Retry-After", seconds.to_string());
                }
                // The instant is what a date in `Retry-After` would count from; these are all seconds.
                match classify(&response, Backoff::Table, Default::default()) {
                    Err(error) => error.with_code(format!("HTTP_{status}")),
                    Ok(()) => StepError::failure(format!("{doing}: a script makes status {status} a refusal")),
                }
            }
        }
    }
}

/// The calls of an operation that a rule speaks of; the first call is 1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Every call.
    Always,
    /// These calls.
    #[serde(untagged)]
    Numbers(Vec<u32>),
}

impl Calls {
    fn include(&self, call: u32) -> bool {
        match self {
            Calls::Always => true,
            Calls::Numbers(numbers) => numbers.contains(&call),
        }
    }
}

/// One line of a script.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The operation, as `service.verb`: `gateway.charge`.
    pub operation: String,
    /// When the rule applies.
    pub calls: Calls,
    /// What the service does then.
    pub answer: Refusal,
}

/// The rules of all services and the number of calls each operation has had.
#[derive(Debug, Default)]
pub struct Script {
    rules: Vec<Rule>,
    calls: Mutex<HashMap<&'static str, u32>>,
}

impl Script {
    /// A script of these rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, calls: Mutex::default() }
    }

    /// Counts a call of an operation and answers whether, by the script, it fails.
    ///
    /// # Errors
    /// A rule covers this call.
    pub fn call(&self, operation: &'static str) -> Result<(), Refusal> {
        let number = {
            let mut calls = locked(&self.calls);
            let count = calls.entry(operation).or_default();
            *count += 1;
            *count
        };
        match self.rules.iter().find(|rule| rule.operation == operation && rule.calls.include(number)) {
            Some(rule) => Err(rule.answer.clone()),
            None => Ok(()),
        }
    }

    /// How many calls an operation has had.
    pub fn calls_of(&self, operation: &str) -> u32 {
        locked(&self.calls).get(operation).copied().unwrap_or(0)
    }

    /// Operations that a rule names and that nobody has called: a misspelt name, most likely.
    pub fn uncalled(&self) -> Vec<&str> {
        let calls = locked(&self.calls);
        self.rules.iter().map(|rule| rule.operation.as_str()).filter(|name| !calls.contains_key(name)).collect()
    }
}

/// Locks; what a panicking holder left behind is still whole, since every change here is a single assignment.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
