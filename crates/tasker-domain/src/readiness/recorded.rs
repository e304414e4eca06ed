//! States as they stand in the record.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::{StepState, TaskState};

/// A state as a history has it: one of ours, or whatever other word another program wrote there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recorded<S> {
    /// A state.
    Known(S),
    /// A word that is none.
    Other(Arc<str>),
}

/// State of a step as its history has it.
pub type RecordedStep = Recorded<StepState>;

/// State of a task as its history has it.
pub type RecordedTask = Recorded<TaskState>;

impl<S: Copy> Recorded<S> {
    /// The state, where it is one of ours.
    pub fn known(&self) -> Option<S> {
        match self {
            Self::Known(state) => Some(*state),
            Self::Other(_) => None,
        }
    }
}

impl RecordedStep {
    /// The word that stands in the history.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(state) => state.as_str(),
            Self::Other(word) => word,
        }
    }
}

impl RecordedTask {
    /// The word that stands in the history.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(state) => state.as_str(),
            Self::Other(word) => word,
        }
    }
}

impl<S: FromStr> Recorded<S> {
    /// What this word of a history means.
    pub fn read(word: &str) -> Self {
        word.parse().map_or_else(|_| Self::Other(Arc::from(word)), Self::Known)
    }
}

impl<S: fmt::Display> fmt::Display for Recorded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(state) => fmt::Display::fmt(state, f),
            Self::Other(word) => f.pad(word),
        }
    }
}

impl<S> From<S> for Recorded<S> {
    fn from(state: S) -> Self {
        Self::Known(state)
    }
}

impl<S: fmt::Display> Serialize for Recorded<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, S: FromStr> Deserialize<'de> for Recorded<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::read(&String::deserialize(deserializer)?))
    }
}
