//! What is said of a step beside the columns of its readiness.

use std::fmt;

use serde::{Serialize, Serializer};

use super::StepReadiness;

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
