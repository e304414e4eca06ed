//! What could run at the same time.

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::percent;

/// What could run at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parallelism {
    /// Number of steps.
    pub total_steps: usize,
    /// Number of levels.
    pub total_levels: usize,
    /// Steps on the largest level.
    pub max_parallel_steps: usize,
    /// Steps that are ready.
    pub current_parallel_opportunities: usize,
    /// Steps whose dependencies are not satisfied.
    pub blocked_parallel_opportunities: usize,
    /// Percent of the steps that are done, two decimals.
    pub overall_completion: f64,
    /// The levels from the first.
    pub levels: Vec<LevelFigures>,
    /// Percent of the levels with more than one ready step, one decimal: how it is now, not how the graph is made.
    pub parallelism_efficiency: f64,
    /// Ours: steps for each level, one decimal; how wide the graph is on average, whatever runs.
    pub average_width: f64,
}

/// One level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelFigures {
    /// Which.
    pub level: usize,
    /// Number of steps.
    pub total_steps: usize,
    /// Those that are ready.
    pub ready_steps: usize,
    /// Those whose dependencies are not satisfied.
    pub blocked_steps: usize,
    /// Those in error.
    pub error_steps: usize,
    /// Those that are complete or settled.
    pub completed_steps: usize,
    /// Their names.
    pub step_names: Vec<String>,
    /// High with more than one ready step, medium with one.
    pub parallelism_potential: Potential,
    /// High when more than half of the steps are blocked, otherwise low.
    pub bottleneck_risk: Potential,
}

/// How much is in something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Potential {
    /// Much.
    High,
    /// Some.
    Medium,
    /// Nothing.
    Low,
}

pub(super) fn parallelism(facts: &Facts<'_>) -> Parallelism {
    let depth = facts.graph.levels().iter().max().map_or(0, |deepest| deepest + 1);
    let mut on_level = vec![Vec::new(); depth];
    for (step, &level) in facts.graph.levels().iter().enumerate() {
        on_level[level].push(step);
    }
    let levels: Vec<LevelFigures> =
        on_level.iter().enumerate().map(|(level, steps)| figures(facts, level, steps)).collect();
    let total = facts.graph.len();
    let with_several = levels.iter().filter(|level| level.ready_steps > 1).count();
    Parallelism {
        total_steps: total,
        total_levels: depth,
        max_parallel_steps: levels.iter().map(|level| level.total_steps).max().unwrap_or(0),
        current_parallel_opportunities: levels.iter().map(|level| level.ready_steps).sum(),
        blocked_parallel_opportunities: levels.iter().map(|level| level.blocked_steps).sum(),
        overall_completion: completion(facts.completed(), total),
        parallelism_efficiency: percent(with_several, depth),
        average_width: if depth == 0 { 0.0 } else { (total as f64 * 10.0 / depth as f64).round() / 10.0 },
        levels,
    }
}

/// Percent with two decimals, as the execution context has it.
pub(super) fn completion(completed: usize, total: usize) -> f64 {
    if total == 0 { 0.0 } else { (completed as f64 * 10_000.0 / total as f64).round() / 100.0 }
}

fn figures(facts: &Facts<'_>, level: usize, steps: &[usize]) -> LevelFigures {
    let ready_steps = steps.iter().filter(|step| facts.steps[**step].ready_for_execution).count();
    let blocked_steps = facts.blocked_among(steps);
    LevelFigures {
        level,
        total_steps: steps.len(),
        ready_steps,
        blocked_steps,
        error_steps: steps.iter().filter(|step| facts.steps[**step].has_failed()).count(),
        completed_steps: steps.iter().filter(|step| facts.steps[**step].is_done()).count(),
        step_names: steps.iter().map(|step| facts.steps[*step].name.clone()).collect(),
        parallelism_potential: match ready_steps {
            0 => Potential::Low,
            1 => Potential::Medium,
            _ => Potential::High,
        },
        bottleneck_risk: if blocked_steps > steps.len() / 2 { Potential::High } else { Potential::Low },
    }
}
