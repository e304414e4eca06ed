//! What holds a task up, by the original's measure.

use serde::{Deserialize, Serialize};

use super::facts::{Facts, TaskHealth};
use super::parallelism::completion;
use super::{Severity, percent};
use crate::state::StepState;

/// Most bottlenecks that are listed.
const MOST_LISTED: usize = 10;

/// What holds a task up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bottlenecks {
    /// How many there are.
    pub total_bottlenecks: usize,
    /// How many of them are critical.
    pub critical_bottlenecks: usize,
    /// Waiting steps behind them, summed.
    pub total_blocked_steps: usize,
    /// Those of the highest scores: ten at most.
    pub bottlenecks: Vec<Bottleneck>,
    /// How the task is.
    pub task_health: TaskHealth,
    /// Percent of the steps that are done, two decimals.
    pub task_completion: f64,
    /// Percent of the steps that failed, one decimal.
    pub failed_steps_ratio: f64,
    /// All taken together.
    pub overall_impact: OverallImpact,
}

/// A step that holds others up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// The step.
    pub step_id: i64,
    /// Its name.
    pub step_name: String,
    /// Its state.
    pub current_state: StepState,
    /// Attempts made.
    pub attempts: u32,
    /// Attempts allowed.
    pub retry_limit: u32,
    /// Whether all that it waits for is done.
    pub dependencies_satisfied: bool,
    /// Steps behind it.
    pub downstream_steps_count: usize,
    /// Those of them that wait.
    pub blocked_downstream_count: usize,
    /// The score, a whole number.
    pub impact_score: f64,
    /// How grave that is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub bottleneck_type: String,
    /// What to do.
    pub resolution_strategy: String,
    /// When it may be over.
    pub estimated_resolution_time: String,
}

/// How much all bottlenecks together weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverallImpact {
    /// There are none.
    None,
    /// Little.
    Low,
    /// Something.
    Medium,
    /// Much.
    High,
    /// Three critical ones, or more than half of the steps failed.
    Severe,
}

pub(super) fn bottlenecks(facts: &Facts<'_>) -> Bottlenecks {
    let total = facts.graph.len();
    let failed = facts.steps.iter().filter(|step| step.has_failed()).count();
    let is_candidate = |place: &usize| {
        let step = &facts.steps[*place];
        if failed > 0 {
            step.has_failed()
        } else {
            !facts.dependencies_satisfied(*place) || step.attempts >= 2 || step.is_exhausted()
        }
    };
    let mut found: Vec<Bottleneck> = (0..total).filter(is_candidate).map(|place| bottleneck(facts, place)).collect();
    found.sort_by(|left, right| right.impact_score.total_cmp(&left.impact_score));
    let of = |severity| found.iter().filter(|bottleneck| bottleneck.severity == severity).count();
    let (critical, high) = (of(Severity::Critical), of(Severity::High));
    let overall_impact = match found.len() {
        0 => OverallImpact::None,
        _ if critical >= 3 || failed > total / 2 => OverallImpact::Severe,
        _ if critical >= 1 || high >= 3 => OverallImpact::High,
        5.. => OverallImpact::Medium,
        _ if high >= 1 => OverallImpact::Medium,
        _ => OverallImpact::Low,
    };
    Bottlenecks {
        total_bottlenecks: found.len(),
        critical_bottlenecks: critical,
        total_blocked_steps: found.iter().map(|bottleneck| bottleneck.blocked_downstream_count).sum(),
        task_health: facts.health,
        task_completion: completion(facts.completed(), total),
        failed_steps_ratio: percent(failed, total),
        overall_impact,
        bottlenecks: {
            found.truncate(MOST_LISTED);
            found
        },
    }
}

fn bottleneck(facts: &Facts<'_>, place: usize) -> Bottleneck {
    let step = &facts.steps[place];
    let downstream = facts.downstream(place);
    let blocked = facts.blocked_among(&downstream);
    let impact_score = impact(facts, place, downstream.len(), blocked);
    Bottleneck {
        step_id: step.id,
        step_name: step.name.clone(),
        current_state: step.state,
        attempts: step.attempts,
        retry_limit: step.limit(),
        dependencies_satisfied: facts.dependencies_satisfied(place),
        downstream_steps_count: downstream.len(),
        blocked_downstream_count: blocked,
        impact_score,
        severity: facts.weights.severity(impact_score),
        bottleneck_type: kind(facts, place).to_owned(),
        resolution_strategy: resolution(facts, place).to_owned(),
        estimated_resolution_time: estimated_time(facts, place),
    }
}

fn impact(facts: &Facts<'_>, place: usize, downstream: usize, blocked: usize) -> f64 {
    let (step, weights) = (&facts.steps[place], facts.weights);
    let when = |condition: bool, weight: f64| if condition { weight } else { 0.0 };
    let base = weights.downstream * downstream as f64 + weights.blocked * blocked as f64;
    let factor = match step.state {
        StepState::Error => weights.error_state + when(step.is_exhausted(), weights.exhausted_retry_bonus),
        StepState::Pending if !facts.dependencies_satisfied(place) => weights.dependency_issue,
        _ => 1.0,
    };
    let penalty = weights.retry_instability * f64::from(step.attempts)
        + when(step.is_exhausted(), weights.non_retryable + weights.exhausted_retry);
    (base * factor + penalty).round()
}

fn kind(facts: &Facts<'_>, place: usize) -> &'static str {
    let step = &facts.steps[place];
    if step.is_exhausted() {
        "Permanent Failure"
    } else if step.has_failed() {
        "Active Error"
    } else if !facts.dependencies_satisfied(place) {
        "Dependency Block"
    } else if step.attempts >= 2 {
        "Retry Exhaustion"
    } else {
        "Unknown"
    }
}

fn resolution(facts: &Facts<'_>, place: usize) -> &'static str {
    let step = &facts.steps[place];
    if step.is_exhausted() {
        "Manual intervention required"
    } else if step.has_failed() {
        "Investigate error cause"
    } else if !facts.dependencies_satisfied(place) {
        "Check upstream dependencies"
    } else if step.attempts >= 1 {
        "Monitor retry attempts"
    } else {
        "Review step configuration"
    }
}

fn estimated_time(facts: &Facts<'_>, place: usize) -> String {
    let step = &facts.steps[place];
    if step.is_exhausted() {
        return "Immediate action needed".to_owned();
    }
    match facts.seconds_until_ready(place) {
        Some(seconds) if seconds > 0.0 => format!("{} minute(s)", (seconds / 60.0).ceil()),
        _ if step.has_failed() => "Within next retry cycle".to_owned(),
        _ if !facts.dependencies_satisfied(place) => "Depends on upstream steps".to_owned(),
        _ => "Unknown".to_owned(),
    }
}
