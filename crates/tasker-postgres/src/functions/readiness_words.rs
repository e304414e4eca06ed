//! What is said of a step beside the columns of its readiness.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{readiness::StepReadiness, words::words};

words! {
    /// Why a step is not ready (B-SQL-039). The first that applies, in this order.
    BlockingReason, "blocking reason", {
        /// A step it waits for is not finished.
        DependenciesNotSatisfied = "dependencies_not_satisfied",
        /// Its attempts are used up.
        RetryNotEligible = "retry_not_eligible",
        /// It is neither pending nor failed.
        InvalidState = "invalid_state",
        /// Something else: a wait before its next attempt, `retryable` false, `in_process` or `processed` true.
        Unknown = "unknown",
    }
}

words! {
    /// What the attempts of a step allow (B-SQL-042).
    RetryStatus, "retry status", {
        /// As many attempts as the limit, or more.
        MaxRetriesReached = "max_retries_reached",
        /// Another attempt is allowed.
        RetryEligible = "retry_eligible",
        /// The first version of the readiness function said so of a step that waits; the second never does.
        WaitingForBackoff = "waiting_for_backoff",
    }
}

words! {
    /// Where a step's wait comes from (B-SQL-043).
    BackoffKind, "kind of backoff", {
        /// Asked for: number of seconds and last attempt are known.
        Explicit = "explicit_backoff",
        /// Follows from the last failure and the number of attempts.
        Exponential = "exponential_backoff",
        /// None.
        None = "no_backoff",
    }
}

/// How far the steps are that a step waits for (B-SQL-041).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyStatus {
    /// It waits for none.
    NoDependencies,
    /// All are finished.
    AllSatisfied,
    /// Some are not.
    Some {
        /// Edges from a finished step.
        completed: i32,
        /// Edges into the step.
        total: i32,
    },
}

impl fmt::Display for DependencyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDependencies => f.write_str("no_dependencies"),
            Self::AllSatisfied => f.write_str("all_satisfied"),
            Self::Some { completed, total } => write!(f, "{completed}/{total}_satisfied"),
        }
    }
}

impl Serialize for DependencyStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Rows of a task that belong together (B-SQL-044).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selection {
    /// Ready to be carried out.
    Ready,
    /// With an unfinished step before them, in any state.
    BlockedByDependencies,
    /// With their attempts used up, in any state.
    BlockedByRetry,
    /// Pending.
    Pending,
    /// Failed.
    Failed,
    /// In progress.
    InProgress,
    /// Complete or settled by a person.
    Complete,
}

impl Selection {
    /// Whether a row belongs to it.
    pub fn holds(self, row: &StepReadiness) -> bool {
        match self {
            Self::Ready => row.ready_for_execution,
            Self::BlockedByDependencies => !row.dependencies_satisfied,
            Self::BlockedByRetry => !row.retry_eligible,
            Self::Pending => row.current_state == "pending",
            Self::Failed => row.current_state == "error",
            Self::InProgress => row.current_state == "in_progress",
            Self::Complete => matches!(row.current_state.as_str(), "complete" | "resolved_manually"),
        }
    }
}
