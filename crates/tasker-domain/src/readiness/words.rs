//! Words that the original's functions answer with, and those that are said of their answers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Makes an enum of words: it is shown, written as JSON and read as them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    UnknownWord { what: $what, text: text.to_owned() }
                })
            }
        }
    };
}

/// A word that is none of those a column of the original's functions may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: the function was replaced by one that is not the original's")]
pub struct UnknownWord {
    what: &'static str,
    text: String,
}

words! {
    /// Where a task stands (B-SQL-046). The first that applies, in this order.
    ExecutionStatus, "execution status", {
        /// A step can run now.
        HasReadySteps = "has_ready_steps",
        /// A step runs.
        Processing = "processing",
        /// A failed step has used up its attempts.
        BlockedByFailures = "blocked_by_failures",
        /// There are steps, and all are complete or settled by a person.
        AllComplete = "all_complete",
        /// None of these.
        WaitingForDependencies = "waiting_for_dependencies",
    }
}

words! {
    /// What should be done (B-SQL-047); each belongs to one [`ExecutionStatus`].
    RecommendedAction, "recommended action", {
        /// Carry out what is ready.
        ExecuteReadySteps = "execute_ready_steps",
        /// Wait for what runs.
        WaitForCompletion = "wait_for_completion",
        /// See to the failures.
        HandleFailures = "handle_failures",
        /// End the task.
        FinalizeTask = "finalize_task",
        /// Wait.
        WaitForDependencies = "wait_for_dependencies",
    }
}

words! {
    /// What the failures of a task mean (B-SQL-050).
    HealthStatus, "health status", {
        /// No failed step.
        Healthy = "healthy",
        /// Failed steps, and something can go on or will be tried again.
        Recovering = "recovering",
        /// Failed steps with their attempts used up, and nothing is ready.
        Blocked = "blocked",
        /// Stands in the original's function, which never gives it.
        Unknown = "unknown",
    }
}

impl ExecutionStatus {
    /// What should be done about a task that stands so (B-SQL-047).
    pub fn recommended_action(self) -> RecommendedAction {
        match self {
            Self::HasReadySteps => RecommendedAction::ExecuteReadySteps,
            Self::Processing => RecommendedAction::WaitForCompletion,
            Self::BlockedByFailures => RecommendedAction::HandleFailures,
            Self::AllComplete => RecommendedAction::FinalizeTask,
            Self::WaitingForDependencies => RecommendedAction::WaitForDependencies,
        }
    }
}

words! {
    /// How soon something should be done.
    Urgency, "urgency", {
        /// At the next opportunity.
        Low = "low",
        /// Soon.
        Medium = "medium",
        /// At once.
        High = "high",
        /// By a person.
        Critical = "critical",
    }
}

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
