//! What the analysis is made from.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Weights;
use crate::graph::{Graph, GraphError};
use crate::state::StepState;

/// Attempts of a step that names no limit.
const DEFAULT_RETRY_LIMIT: u32 = 3;

/// A task at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFacts {
    /// The task.
    pub task_id: i64,
    /// Its steps, each once.
    pub steps: Vec<StepFacts>,
    /// Pairs of ids: a step, and one that waits for it.
    pub edges: Vec<(i64, i64)>,
}

/// A step at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFacts {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StepState,
    /// How many attempts were made.
    pub attempts: u32,
    /// How many it gets; 3 unless given.
    #[serde(default)]
    pub retry_limit: Option<u32>,
    /// Whether it could run now, as the readiness of its semantics says.
    pub ready_for_execution: bool,
    /// From when on it may be tried again, if it waits for that.
    #[serde(default)]
    pub next_retry_at: Option<DateTime<Utc>>,
}

/// How a task is, as the original's execution context has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskHealth {
    /// Nothing failed.
    Healthy,
    /// Something failed, but goes on or will.
    Recovering,
    /// Something failed for good and nothing is ready.
    Blocked,
}

/// Facts that are no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTask {
    /// Two steps have one id.
    #[error("the step {0} is there twice; give each step once")]
    StepTwice(i64),
    /// An edge names a step that is not there.
    #[error("an edge names the step {0}, which is not among the steps; give all steps of the task")]
    UnknownStep(i64),
    /// Some steps wait for each other.
    #[error("the steps {0:?} wait for each other; a task's steps must be a graph without cycles")]
    Cyclic(Vec<i64>),
}

/// The facts, and what follows from them for every part of the analysis.
pub(super) struct Facts<'t> {
    pub(super) steps: &'t [StepFacts],
    pub(super) graph: Graph,
    pub(super) now: DateTime<Utc>,
    pub(super) weights: &'t Weights,
    pub(super) health: TaskHealth,
    /// How many parents of each step are done.
    done_parents: Vec<usize>,
}

impl<'t> Facts<'t> {
    pub(super) fn new(task: &'t TaskFacts, now: DateTime<Utc>, weights: &'t Weights) -> Result<Self, InvalidTask> {
        let mut place_of = HashMap::with_capacity(task.steps.len());
        for (place, step) in task.steps.iter().enumerate() {
            if place_of.insert(step.id, place).is_some() {
                return Err(InvalidTask::StepTwice(step.id));
            }
        }
        let place = |id: i64| place_of.get(&id).copied().ok_or(InvalidTask::UnknownStep(id));
        let edges: Vec<(usize, usize)> =
            task.edges.iter().map(|(from, to)| Ok((place(*from)?, place(*to)?))).collect::<Result<_, _>>()?;
        let graph = Graph::new(task.steps.len(), &edges).map_err(|error| match error {
            GraphError::Cyclic(cycles) => {
                InvalidTask::Cyclic(cycles.paths.into_iter().flatten().map(|step| task.steps[step].id).collect())
            }
            GraphError::NoSuchNode { .. } => unreachable!("every edge was made of places in the list of steps"),
        })?;
        let steps = task.steps.as_slice();
        let done_parents = (0..graph.len())
            .map(|step| graph.parents(step).iter().filter(|parent| steps[**parent].is_done()).count())
            .collect();
        let health = health(steps);
        Ok(Facts { steps, graph, now, weights, health, done_parents })
    }

    pub(super) fn dependencies_satisfied(&self, step: usize) -> bool {
        self.done_parents[step] == self.graph.parents(step).len()
    }

    pub(super) fn completed(&self) -> usize {
        self.steps.iter().filter(|step| step.is_done()).count()
    }

    /// Everything behind a step, as a walk in depth meets it.
    pub(super) fn downstream(&self, step: usize) -> Vec<usize> {
        let mut is_met = vec![false; self.graph.len()];
        let mut met = Vec::new();
        let mut waiting: Vec<usize> = self.graph.children(step).iter().rev().copied().collect();
        while let Some(next) = waiting.pop() {
            if is_met[next] {
                continue;
            }
            is_met[next] = true;
            met.push(next);
            waiting.extend(self.graph.children(next).iter().rev());
        }
        met
    }

    /// Of these, how many wait for their parents.
    pub(super) fn blocked_among(&self, steps: &[usize]) -> usize {
        steps.iter().filter(|step| !self.dependencies_satisfied(**step)).count()
    }

    pub(super) fn is_in_backoff(&self, step: usize) -> bool {
        self.steps[step].next_retry_at.is_some_and(|instant| instant > self.now)
    }

    /// Seconds until the step may be tried again: 0 when it is ready, none when that is not known.
    pub(super) fn seconds_until_ready(&self, step: usize) -> Option<f64> {
        if self.steps[step].ready_for_execution {
            return Some(0.0);
        }
        let wait = self.steps[step].next_retry_at? - self.now;
        Some((wait.num_milliseconds() as f64 / 1000.0).max(0.0))
    }
}

impl StepFacts {
    /// Complete, or settled by a person.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, StepState::Complete | StepState::ResolvedManually)
    }

    pub(super) fn limit(&self) -> u32 {
        self.retry_limit.unwrap_or(DEFAULT_RETRY_LIMIT)
    }

    /// Whether its attempts are used up: the opposite of the original's `retry_eligible`.
    pub(super) fn is_exhausted(&self) -> bool {
        self.attempts >= self.limit()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.state == StepState::Error
    }
}

fn health(steps: &[StepFacts]) -> TaskHealth {
    if !steps.iter().any(StepFacts::has_failed) {
        TaskHealth::Healthy
    } else if steps.iter().any(|step| step.ready_for_execution) {
        TaskHealth::Recovering
    } else if steps.iter().any(|step| step.has_failed() && step.is_exhausted()) {
        TaskHealth::Blocked
    } else {
        TaskHealth::Recovering
    }
}
