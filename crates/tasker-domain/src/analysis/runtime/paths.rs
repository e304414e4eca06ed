//! The paths from a root to a leaf with the most trouble.
//!
//! There can be more of them than atoms: a ladder of diamonds doubles them with each rung. They are counted by adding
//! up, and all looked at only where they are few. Beyond, the five with the highest sum are found step by step: what a
//! step adds to the score does not depend on the path, but for the last factor, which takes up to three tenths off by
//! how much of the path is complete. So of paths whose sums lie close together the order can then differ.

use serde::{Deserialize, Serialize};

use super::facts::{Facts, TaskHealth};
use super::percent;
use crate::state::StepState;

/// Up to this number of paths all are looked at, as the original does.
pub const MOST_PATHS: u64 = 2_000;
/// How many are listed.
const LISTED: usize = 5;
/// Part of the score that is taken off a path that is complete.
const COMPLETION_FACTOR: f64 = 0.3;
/// Factor for what is blocked or failed when the task is not healthy.
const UNHEALTHY: f64 = 1.5;

/// The paths of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriticalPaths {
    /// How many paths lead from a root to a leaf; the largest number there is if there are more.
    pub total_paths: u64,
    /// Steps of the most critical path, as the original has it; 0 if there is none.
    pub longest_path_length: usize,
    /// Ours: steps of the longest path.
    pub longest_chain_length: usize,
    /// Ours: whether all paths were looked at ([`MOST_PATHS`]).
    pub all_looked_at: bool,
    /// The five most critical.
    pub paths: Vec<CriticalPath>,
    /// Ids of the steps that wait for none.
    pub root_nodes: Vec<i64>,
    /// Ids of the steps that none waits for.
    pub leaf_nodes: Vec<i64>,
}

/// A path from a root to a leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// Ids of its steps.
    pub path: Vec<i64>,
    /// How many they are.
    pub length: usize,
    /// Their names.
    pub step_names: Vec<String>,
    /// Steps that are complete or settled.
    pub completed_steps: usize,
    /// Steps whose dependencies are not satisfied.
    pub blocked_steps: usize,
    /// Steps in error.
    pub error_steps: usize,
    /// Steps in error that were tried.
    pub retry_steps: usize,
    /// Steps that are ready.
    pub ready_steps: usize,
    /// Seconds that it is thought to take, by fixed times for steps, errors and attempts.
    pub estimated_duration: f64,
    /// What holds it up, the gravest first.
    pub bottlenecks: Vec<PathBottleneck>,
    /// The score.
    pub criticality_score: f64,
    /// Percent of its steps that are done, one decimal.
    pub completion_percentage: f64,
}

/// A step that holds a path up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathBottleneck {
    /// The step.
    pub step_id: i64,
    /// Its name.
    pub step_name: String,
    /// Why it does.
    pub reason: String,
    /// How much.
    pub severity: u64,
    /// What it holds up.
    pub impact: String,
}

pub(super) fn critical_paths(facts: &Facts<'_>) -> CriticalPaths {
    let total_paths = count(facts);
    let all_looked_at = total_paths <= MOST_PATHS;
    let candidates = if all_looked_at { all(facts) } else { highest_sums(facts) };
    let mut scored: Vec<(f64, Vec<usize>)> = candidates.into_iter().map(|path| (score(facts, &path), path)).collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.truncate(LISTED);
    let paths: Vec<CriticalPath> = scored.iter().map(|(_, path)| rated(facts, path)).collect();
    let id = |step: usize| facts.steps[step].id;
    CriticalPaths {
        total_paths,
        longest_path_length: paths.first().map_or(0, |path| path.length),
        longest_chain_length: facts.graph.levels().iter().max().map_or(0, |deepest| deepest + 1),
        all_looked_at,
        paths,
        root_nodes: facts.graph.roots().map(id).collect(),
        leaf_nodes: facts.graph.leaves().map(id).collect(),
    }
}

fn count(facts: &Facts<'_>) -> u64 {
    let mut to_here = vec![0_u64; facts.graph.len()];
    for &step in facts.graph.topological_order() {
        let parents = facts.graph.parents(step);
        to_here[step] = if parents.is_empty() {
            1
        } else {
            parents.iter().fold(0, |sum, parent| sum.saturating_add(to_here[*parent]))
        };
    }
    facts.graph.leaves().fold(0, |sum, leaf| sum.saturating_add(to_here[leaf]))
}

/// Every path, by a walk in depth from each root.
fn all(facts: &Facts<'_>) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    for root in facts.graph.roots() {
        let mut path = vec![(root, 0)];
        while let Some(&(step, next)) = path.last() {
            let children = facts.graph.children(step);
            if children.is_empty() {
                found.push(path.iter().map(|(step, _)| *step).collect());
            }
            match children.get(next) {
                Some(&child) => {
                    let last = path.len() - 1;
                    path[last].1 += 1;
                    path.push((child, 0));
                }
                None => {
                    path.pop();
                }
            }
        }
    }
    found
}

/// The beginning of a path that ends at a step: its sum, and which beginning at which parent it goes on from.
#[derive(Clone, Copy)]
struct Beginning {
    sum: f64,
    from: Option<(usize, usize)>,
}

/// The paths with the highest sums.
fn highest_sums(facts: &Facts<'_>) -> Vec<Vec<usize>> {
    let mut best: Vec<Vec<Beginning>> = vec![Vec::new(); facts.graph.len()];
    for &step in facts.graph.topological_order() {
        let own = sum_of(facts, &[step]);
        let parents = facts.graph.parents(step);
        let mut beginnings: Vec<Beginning> = parents
            .iter()
            .flat_map(|parent| best[*parent].iter().enumerate().map(|(rank, before)| (*parent, rank, before.sum)))
            .map(|(parent, rank, before)| Beginning { sum: before + own, from: Some((parent, rank)) })
            .collect();
        if parents.is_empty() {
            beginnings.push(Beginning { sum: own, from: None });
        }
        beginnings.sort_by(|left, right| right.sum.total_cmp(&left.sum));
        beginnings.truncate(LISTED);
        best[step] = beginnings;
    }
    let mut ends: Vec<(f64, usize, usize)> = facts
        .graph
        .leaves()
        .flat_map(|leaf| best[leaf].iter().enumerate().map(move |(rank, beginning)| (beginning.sum, leaf, rank)))
        .collect();
    ends.sort_by(|left, right| right.0.total_cmp(&left.0));
    ends.truncate(LISTED);
    ends.into_iter()
        .map(|(_, leaf, rank)| {
            let follow = |&(step, rank): &(usize, usize)| best[step][rank].from;
            let mut path: Vec<usize> =
                std::iter::successors(Some((leaf, rank)), follow).map(|(step, _)| step).collect();
            path.reverse();
            path
        })
        .collect()
}

fn duration(facts: &Facts<'_>, path: &[usize]) -> f64 {
    let weights = facts.weights;
    path.iter()
        .map(|step| &facts.steps[*step])
        .map(|step| {
            let error = if step.has_failed() { weights.error_penalty_seconds } else { 0.0 };
            weights.base_step_seconds + error + weights.retry_penalty_seconds * f64::from(step.attempts)
        })
        .sum()
}

/// The score before what is complete is taken off.
fn sum_of(facts: &Facts<'_>, path: &[usize]) -> f64 {
    let weights = facts.weights;
    let figures = Figures::of(facts, path);
    let health = if facts.health == TaskHealth::Healthy { 1.0 } else { UNHEALTHY };
    weights.path_length * path.len() as f64 - weights.completed_penalty * figures.completed as f64
        + weights.blocked_penalty * figures.blocked as f64 * health
        + weights.error_penalty * figures.error as f64 * health
        + weights.retry_penalty * figures.retry as f64
        + duration(facts, path) / 60.0 * 2.0
}

fn score(facts: &Facts<'_>, path: &[usize]) -> f64 {
    let completion_percentage = percent(Figures::of(facts, path).completed, path.len());
    (sum_of(facts, path) * (1.0 - COMPLETION_FACTOR * completion_percentage / 100.0)).max(0.0)
}

struct Figures {
    completed: usize,
    blocked: usize,
    error: usize,
    retry: usize,
    ready: usize,
}

impl Figures {
    fn of(facts: &Facts<'_>, path: &[usize]) -> Self {
        let count = |is: &dyn Fn(usize) -> bool| path.iter().filter(|step| is(**step)).count();
        Figures {
            completed: count(&|step| facts.steps[step].is_done()),
            blocked: count(&|step| !facts.dependencies_satisfied(step)),
            error: count(&|step| facts.steps[step].has_failed()),
            retry: count(&|step| facts.steps[step].has_failed() && facts.steps[step].attempts > 0),
            ready: count(&|step| facts.steps[step].ready_for_execution),
        }
    }
}

fn rated(facts: &Facts<'_>, path: &[usize]) -> CriticalPath {
    let figures = Figures::of(facts, path);
    let completion_percentage = percent(figures.completed, path.len());
    CriticalPath {
        path: path.iter().map(|step| facts.steps[*step].id).collect(),
        length: path.len(),
        step_names: path.iter().map(|step| facts.steps[*step].name.clone()).collect(),
        completed_steps: figures.completed,
        blocked_steps: figures.blocked,
        error_steps: figures.error,
        retry_steps: figures.retry,
        ready_steps: figures.ready,
        estimated_duration: duration(facts, path),
        bottlenecks: path_bottlenecks(facts, path),
        criticality_score: score(facts, path),
        completion_percentage,
    }
}

fn path_bottlenecks(facts: &Facts<'_>, path: &[usize]) -> Vec<PathBottleneck> {
    let mut found: Vec<PathBottleneck> = path
        .iter()
        .enumerate()
        .filter(|(_, step)| !facts.dependencies_satisfied(**step) || facts.steps[**step].has_failed())
        .map(|(place, &step)| PathBottleneck {
            step_id: facts.steps[step].id,
            step_name: facts.steps[step].name.clone(),
            reason: reason(facts, step),
            severity: severity(facts, step),
            impact: format!("Blocks {} downstream steps", path.len() - place - 1),
        })
        .collect();
    found.sort_by_key(|bottleneck| std::cmp::Reverse(bottleneck.severity));
    found
}

fn severity(facts: &Facts<'_>, place: usize) -> u64 {
    let step = &facts.steps[place];
    let when = |condition: bool, points: u64| if condition { points } else { 0 };
    when(step.has_failed(), 10)
        + 5 * u64::from(step.attempts)
        + when(step.is_exhausted(), 20)
        + when(!facts.dependencies_satisfied(place), 5)
}

/// Why a step does not run. Ours: a step that waits for its time says so; the original calls that unknown.
fn reason(facts: &Facts<'_>, place: usize) -> String {
    let step = &facts.steps[place];
    if step.ready_for_execution {
        "Not blocked (ready for execution)".to_owned()
    } else if !facts.dependencies_satisfied(place) {
        "Dependencies not satisfied".to_owned()
    } else if step.is_exhausted() {
        "Exhausted retries".to_owned()
    } else if !matches!(step.state, StepState::Pending | StepState::Error) {
        format!("Invalid state: {}", step.state)
    } else if facts.is_in_backoff(place) {
        "In backoff period".to_owned()
    } else {
        "Unknown blocking condition".to_owned()
    }
}
