//! What becomes of a step after an attempt, and of the task after that: pure decisions from facts, each with its reason.
//!
//! - [`after_attempt`] decides about a step (R-11 to R-14, R-22, R-30), [`after_failure`] is its core;
//! - [`after_step`] decides about the task (R-15, R-16, R-19, R-21);
//! - [`rails`] holds what the original decides about a task, move for move and event for event, and when it looks again.
//!
//! A reason is data with a stable code; its text is the sentence for people.
//!
//! ```
//! use tasker_domain::verdict::{self, TaskCounts, TaskVerdict};
//! let counts = TaskCounts { finished: 3, dead: 1, held: 2, ..TaskCounts::default() };
//! let decision = verdict::after_step(&counts, false);
//! assert_eq!(decision.verdict, TaskVerdict::Fail);
//! assert_eq!(decision.reason.code(), "held_by_dead_steps");
//! assert_eq!(decision.reason.to_string(), "1 step is dead and nothing else can run; 2 more wait for steps before them");
//! ```

pub mod rails;
mod step;
mod step_reason;
mod task;

pub use step::{
    AttemptEnd, AttemptFacts, Death, FailedAttempt, Failure, NegativeLimit, StepDecision, StepVerdict, Verdict,
    after_attempt, after_failure, attempts_allowed, bypassed,
};
pub use step_reason::StepReason;
pub use task::{TaskCounts, TaskDecision, TaskReason, TaskVerdict, after_step};

/// A number with its noun.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
