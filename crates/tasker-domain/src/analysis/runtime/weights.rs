//! The numbers in the formulas.

use serde::{Deserialize, Serialize};

/// Weights of the analysis; the defaults are those of the original's configuration section `dependency_graph`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// For each step behind.
    pub downstream: f64,
    /// For each step behind that waits.
    pub blocked: f64,
    /// For each step of a path.
    pub path_length: f64,
    /// Taken off for each completed step of a path.
    pub completed_penalty: f64,
    /// For each waiting step of a path.
    pub blocked_penalty: f64,
    /// For each failed step of a path.
    pub error_penalty: f64,
    /// For each failed step of a path that was tried.
    pub retry_penalty: f64,
    /// Factor for a step in error.
    pub error_state: f64,
    /// Added to that factor when its attempts are used up.
    pub exhausted_retry_bonus: f64,
    /// Factor for a pending step whose dependencies are not satisfied.
    pub dependency_issue: f64,
    /// For each attempt.
    pub retry_instability: f64,
    /// For a step that may not be tried again.
    pub non_retryable: f64,
    /// For a step whose attempts are used up.
    pub exhausted_retry: f64,
    /// From this score on something is critical.
    pub critical: f64,
    /// From this score on it is high.
    pub high: f64,
    /// From this score on it is medium.
    pub medium: f64,
    /// Seconds that a step is thought to take.
    pub base_step_seconds: f64,
    /// Seconds more for a step in error.
    pub error_penalty_seconds: f64,
    /// Seconds more for each attempt.
    pub retry_penalty_seconds: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Weights {
            downstream: 5.0,
            blocked: 15.0,
            path_length: 10.0,
            completed_penalty: 15.0,
            blocked_penalty: 25.0,
            error_penalty: 30.0,
            retry_penalty: 10.0,
            error_state: 2.0,
            exhausted_retry_bonus: 0.5,
            dependency_issue: 1.2,
            retry_instability: 3.0,
            non_retryable: 10.0,
            exhausted_retry: 20.0,
            critical: 100.0,
            high: 50.0,
            medium: 20.0,
            base_step_seconds: 30.0,
            error_penalty_seconds: 60.0,
            retry_penalty_seconds: 30.0,
        }
    }
}

/// How grave something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Hardly.
    Low,
    /// Somewhat.
    Medium,
    /// Much.
    High,
    /// As much as can be.
    Critical,
}

impl Weights {
    /// The severity of a score.
    pub fn severity(&self, score: f64) -> Severity {
        match score {
            _ if score >= self.critical => Severity::Critical,
            _ if score >= self.high => Severity::High,
            _ if score >= self.medium => Severity::Medium,
            _ => Severity::Low,
        }
    }
}
