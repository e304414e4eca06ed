//! What failed, what stands behind it, and what can be done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::facts::{Facts, TaskHealth};
use super::{Severity, percent};

/// Most steps that are named as the first to see to.
const MOST_PRIORITIES: usize = 3;

/// What failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorChains {
    /// Steps in error.
    pub total_error_steps: usize,
    /// All steps.
    pub total_steps: usize,
    /// Percent in error, one decimal.
    pub error_percentage: f64,
    /// Waiting steps behind those in error, summed over the chains.
    pub total_blocked_by_errors: usize,
    /// The chain of the greatest impact.
    pub most_critical_error: Option<ErrorChain>,
    /// All chains, the greatest impact first.
    pub error_chains: Vec<ErrorChain>,
    /// What to see to first: three at most.
    pub recovery_priority: Vec<Recovery>,
    /// How the task is.
    pub task_health: TaskHealth,
}

/// A failed step and what stands behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorChain {
    /// The step.
    pub error_step_id: i64,
    /// Its name.
    pub error_step_name: String,
    /// Attempts made.
    pub error_attempts: u32,
    /// Attempts allowed.
    pub retry_limit: u32,
    /// Whether and when it is tried again.
    pub retry_analysis: RetryAnalysis,
    /// Ids of the steps behind it.
    pub downstream_steps: Vec<i64>,
    /// Those of them that wait.
    pub blocked_downstream_steps: usize,
    /// All of them.
    pub total_downstream_steps: usize,
    /// The score.
    pub total_impact: f64,
    /// What can be done.
    pub recovery_strategies: Vec<Strategy>,
}

/// Whether and when a failed step is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryAnalysis {
    /// Its attempts are used up.
    pub exhausted: bool,
    /// Attempts left.
    pub remaining_attempts: u32,
    /// It waits for its time.
    pub in_backoff: bool,
    /// When that is.
    pub next_retry_at: Option<DateTime<Utc>>,
    /// It has attempts left.
    pub retryable: bool,
}

/// Something that can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strategy {
    /// What.
    pub strategy: String,
    /// How urgent it is.
    pub priority: Priority,
    /// In a sentence.
    pub description: String,
}

/// How urgent something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Priority {
    /// Now.
    High,
    /// Soon.
    Medium,
    /// Not.
    Low,
}

/// A step to see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Its name.
    pub step_name: String,
    /// How grave it is.
    pub priority_level: Severity,
    /// Why.
    pub reason: String,
    /// What to do first.
    pub recommended_action: String,
}

pub(super) fn error_chains(facts: &Facts<'_>) -> ErrorChains {
    let mut chains: Vec<ErrorChain> =
        (0..facts.graph.len()).filter(|step| facts.steps[*step].has_failed()).map(|step| chain(facts, step)).collect();
    chains.sort_by(|left, right| right.total_impact.total_cmp(&left.total_impact));
    let recovery_priority = chains
        .iter()
        .take(MOST_PRIORITIES)
        .map(|chain| Recovery {
            step_name: chain.error_step_name.clone(),
            priority_level: facts.weights.severity(chain.total_impact),
            reason: format!("Blocking {} downstream steps", chain.blocked_downstream_steps),
            recommended_action: chain
                .recovery_strategies
                .first()
                .map_or_else(String::new, |strategy| strategy.strategy.clone()),
        })
        .collect();
    ErrorChains {
        total_error_steps: chains.len(),
        total_steps: facts.graph.len(),
        error_percentage: percent(chains.len(), facts.graph.len()),
        total_blocked_by_errors: chains.iter().map(|chain| chain.blocked_downstream_steps).sum(),
        most_critical_error: chains.first().cloned(),
        error_chains: chains,
        recovery_priority,
        task_health: facts.health,
    }
}

fn chain(facts: &Facts<'_>, place: usize) -> ErrorChain {
    let (step, weights) = (&facts.steps[place], facts.weights);
    let downstream = facts.downstream(place);
    let blocked = facts.blocked_among(&downstream);
    let exhausted = if step.is_exhausted() { weights.exhausted_retry } else { 0.0 };
    let retry_analysis = RetryAnalysis {
        exhausted: step.is_exhausted(),
        remaining_attempts: step.limit().saturating_sub(step.attempts),
        in_backoff: facts.is_in_backoff(place),
        next_retry_at: step.next_retry_at,
        retryable: !step.is_exhausted(),
    };
    ErrorChain {
        error_step_id: step.id,
        error_step_name: step.name.clone(),
        error_attempts: step.attempts,
        retry_limit: step.limit(),
        downstream_steps: downstream.iter().map(|behind| facts.steps[*behind].id).collect(),
        blocked_downstream_steps: blocked,
        total_downstream_steps: downstream.len(),
        total_impact: weights.blocked * blocked as f64
            + weights.downstream * downstream.len() as f64
            + exhausted
            + weights.retry_instability * f64::from(step.attempts),
        recovery_strategies: strategies(&retry_analysis),
        retry_analysis,
    }
}

fn strategies(retry: &RetryAnalysis) -> Vec<Strategy> {
    let strategy = |strategy: &str, priority, description: String| Strategy {
        strategy: strategy.to_owned(),
        priority,
        description,
    };
    if retry.exhausted {
        return vec![
            strategy(
                "Manual Resolution",
                Priority::High,
                "its attempts are used up: find the cause, then settle the step or try it again by hand".to_owned(),
            ),
            strategy(
                "Increase Retry Limit",
                Priority::Medium,
                "if the cause may pass by itself, more attempts can help".to_owned(),
            ),
        ];
    }
    if retry.in_backoff {
        return vec![strategy("Wait for Backoff", Priority::Low, "it will be tried again by itself".to_owned())];
    }
    vec![strategy(
        "Monitor Retries",
        Priority::Medium,
        format!("{} attempts are left; watch how they end", retry.remaining_attempts),
    )]
}
