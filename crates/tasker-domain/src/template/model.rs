//! A checked template: what the rest of the house works with once every problem has been found or ruled out.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::problem::quoted;

/// A task type: the DAG of steps that one run of it carries out.
///
/// A value of this type has passed every check of R-40: names are unique and of legal length, every dependency names
/// a step, there is no cycle. Parsing is the only public way to get one ([`crate::template::parse`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Name of the task type; with namespace and version the key of the registry. At most 64 characters.
    pub name: String,
    /// Namespace of the task type; `default` unless given. At most 64 characters.
    pub namespace: String,
    /// Version of this definition; `0.1.0` unless given.
    pub version: Version,
    /// What the task type is for. At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name of the task handler class in the original; kept for round trips, not used by the engine.
    pub task_handler_class: String,
    /// JSON Schema of the context, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_schema: Option<Json>,
    /// Judge the context as the original does: every listed property required, unlisted ones and an empty context
    /// refused.
    #[serde(default)]
    pub strict: bool,
    /// One dead step ends the task as soon as what runs has ended.
    #[serde(default)]
    pub fail_fast: bool,
    /// The steps in the order of the file.
    pub steps: Vec<StepTemplate>,
    /// Events of the whole task type, named in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_events: Vec<CustomEvent>,
}

/// An event that a task type or a step declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomEvent {
    /// Name with its namespace in front, such as `order.fulfilled`.
    pub name: String,
    /// What the event says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One step of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTemplate {
    /// Name, unique in the template. At most 128 characters.
    pub name: String,
    /// Description; the name unless given.
    pub description: String,
    /// The system the step talks to: its own, else the template's default, else `unknown`.
    pub dependent_system: String,
    /// Name of the handler that carries the step out.
    pub handler_class: String,
    /// Places in [`Template::steps`] of the steps this one waits for, each once, in the order of the file:
    /// `depends_on_step` first, then `depends_on_steps`.
    pub parents: Vec<usize>,
    /// Whether a failed attempt may be followed by another.
    pub retryable: bool,
    /// Number of attempts in all, the first included; 0 counts as 1.
    pub retry_limit: u32,
    /// Whether a request may bypass the step.
    pub skippable: bool,
    /// Settings of the handler, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler_config: Option<Json>,
    /// Whether waits before a retry are stretched by chance; the template's `jitter` unless the step has its own.
    #[serde(default = "default_true")]
    pub jitter: bool,
    /// Queue that the step is put into; the template's `queue`, else its namespace.
    pub queue: String,
    /// Steps of higher priority are taken first; 0 unless given.
    #[serde(default)]
    pub priority: i32,
    /// Longest time one attempt may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<Seconds>,
    /// Time limit over all attempts and waits of the step, from the moment at which it could first run, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<Seconds>,
    /// Events that the step's handler publishes, named in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_events: Vec<CustomEvent>,
}

fn default_true() -> bool {
    true
}

impl StepTemplate {
    /// How many attempts the step gets in all: one if it may not be retried or its limit is 0 or 1.
    pub fn attempts_allowed(&self) -> u32 {
        if self.retryable { self.retry_limit.max(1) } else { 1 }
    }
}

/// A duration in whole milliseconds, written in templates as seconds with up to three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seconds {
    /// The duration in milliseconds.
    pub milliseconds: u64,
}

/// Version of a definition: three numbers that compare as numbers, so that 0.10.0 is newer than 0.9.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Seconds {
    /// The duration as the standard library has it.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl Version {
    /// The version of a definition that names none.
    pub const DEFAULT: Version = Version { major: 0, minor: 1, patch: 0 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text that is not a version: it says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a version: write three numbers with dots between them, at most 16 characters, such as 1.0.0", quoted(.0))]
pub struct InvalidVersion(pub String);

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion(text.to_owned());
        if text.len() > 16 {
            return Err(invalid());
        }
        let number = |part: Option<&str>| {
            part.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(invalid)
        };
        let mut parts = text.split('.');
        let version =
            Version { major: number(parts.next())?, minor: number(parts.next())?, patch: number(parts.next())? };
        if parts.next().is_some() { Err(invalid()) } else { Ok(version) }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}
