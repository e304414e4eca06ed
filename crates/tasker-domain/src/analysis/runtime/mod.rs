//! The analysis of a task: how its graph stands at an instant.
//!
//! The formulas and default weights are the original's. What it enumerates, every path from a root to a leaf, is
//! counted here; all are looked at only up to [`MOST_PATHS`].

mod bottlenecks;
mod error_chains;
mod facts;
mod graph;
mod parallelism;
mod paths;
mod weights;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use bottlenecks::{Bottleneck, Bottlenecks, OverallImpact};
pub use error_chains::{ErrorChain, ErrorChains, Priority, Recovery, RetryAnalysis, Strategy};
pub use facts::{InvalidTask, StepFacts, TaskFacts, TaskHealth};
pub use graph::{RootBlocker, RuntimeEdge, RuntimeGraph, RuntimeNode};
pub use parallelism::{LevelFigures, Parallelism, Potential};
pub use paths::{CriticalPath, CriticalPaths, MOST_PATHS, PathBottleneck};
pub use weights::{Severity, Weights};

/// How a task's graph stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuntimeAnalysis {
    /// The graph.
    pub dependency_graph: RuntimeGraph,
    /// The paths with the most trouble.
    pub critical_paths: CriticalPaths,
    /// What could run at the same time.
    pub parallelism_opportunities: Parallelism,
    /// What failed, and what stands behind it.
    pub error_chains: ErrorChains,
    /// What holds the task up, by the original's measure.
    pub bottlenecks: Bottlenecks,
    /// Ours: the unfinished steps that wait for no other, those with the most unfinished work behind them first. The
    /// original lists the steps that wait, this is what they wait for.
    pub root_blockers: Vec<RootBlocker>,
    /// The instant of the analysis.
    pub generated_at: DateTime<Utc>,
    /// The task.
    pub task_id: i64,
}

/// Analyses a task at an instant.
///
/// # Errors
/// When the facts are no task: an edge to a step that is not there, a step twice, steps that wait for each other.
pub fn analyse(task: &TaskFacts, now: DateTime<Utc>, weights: &Weights) -> Result<RuntimeAnalysis, InvalidTask> {
    let facts = facts::Facts::new(task, now, weights)?;
    Ok(RuntimeAnalysis {
        dependency_graph: graph::runtime_graph(&facts),
        critical_paths: paths::critical_paths(&facts),
        parallelism_opportunities: parallelism::parallelism(&facts),
        error_chains: error_chains::error_chains(&facts),
        bottlenecks: bottlenecks::bottlenecks(&facts),
        root_blockers: graph::root_blockers(&facts),
        generated_at: now,
        task_id: task.task_id,
    })
}

/// A part of a whole in percent with one decimal, halves away from zero; 0 of nothing.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1000.0 / whole as f64).round() / 10.0 }
}
