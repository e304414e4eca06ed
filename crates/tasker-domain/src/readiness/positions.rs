//! Where steps stand in their graph, as the original's level function and view have it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::snapshot::Snapshot;

/// The view looks no further from a step than this many edges.
const DEEPEST: usize = 50;

/// The level of a step: a row of `calculate_dependency_levels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyLevel {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// 0 for a step without any parent, else one more than the highest parent of the same task that a root leads to.
    pub dependency_level: usize,
}

/// The neighbours of a step: a row of the view `tasker_step_dag_relationships`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDag {
    /// Id of the step.
    pub workflow_step_id: i64,
    /// Id of its task.
    pub task_id: i64,
    /// Id of its named step.
    pub named_step_id: i32,
    /// Ids of the steps it waits for, ascending, one for each edge.
    pub parent_step_ids: Vec<i64>,
    /// Ids of the steps that wait for it, ascending, one for each edge.
    pub child_step_ids: Vec<i64>,
    /// Number of edges into it.
    pub parent_count: usize,
    /// Number of edges out of it.
    pub child_count: usize,
    /// It waits for none.
    pub is_root_step: bool,
    /// None waits for it.
    pub is_leaf_step: bool,
    /// Edges on the shortest way from a root; none above 50, and where no root leads.
    pub min_depth_from_root: Option<usize>,
}

/// Steps wait for each other, and a root leads to them: they have no level. The original's function never ends on such a
/// task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the steps of the task {task_id} form a cycle behind a root: remove an edge of it")]
pub struct CycleBehindRoot {
    /// Id of the task.
    pub task_id: i64,
    /// Ids of steps that have no level, ascending: those of the cycle and those behind it.
    pub workflow_step_ids: Vec<i64>,
}

/// The levels of a task's steps, by level and id; in time linear in steps and edges, where the original walks every path.
///
/// Steps that no root of the same task leads to are missing: cycles, and what hangs only on steps of other tasks.
///
/// # Errors
/// [`CycleBehindRoot`].
pub fn dependency_levels(snapshot: &Snapshot, task_id: i64) -> Result<Vec<DependencyLevel>, CycleBehindRoot> {
    let places = snapshot.places_of(task_id);
    let first = places.start;
    let is_own = |place: &&usize| places.contains(place);
    let roots: Vec<usize> = places.clone().filter(|place| snapshot.parents(*place).is_empty()).collect();

    // First what can be reached at all: a parent that no root reaches must not hold its child back.
    let mut reached = roots.clone();
    let mut unmet = vec![0_usize; places.len()];
    let mut next = 0;
    while next < reached.len() {
        for &child in snapshot.children(reached[next]).iter().filter(is_own) {
            if unmet[child - first] == 0 {
                reached.push(child);
            }
            unmet[child - first] += 1;
        }
        next += 1;
    }

    let mut levels = vec![0_usize; places.len()];
    let mut ordered = roots;
    next = 0;
    while next < ordered.len() {
        let place = ordered[next];
        for &child in snapshot.children(place).iter().filter(is_own) {
            levels[child - first] = levels[child - first].max(levels[place - first] + 1);
            unmet[child - first] -= 1;
            if unmet[child - first] == 0 {
                ordered.push(child);
            }
        }
        next += 1;
    }

    let id = |place: usize| snapshot.step_at(place).workflow_step_id;
    if ordered.len() < reached.len() {
        let mut stuck: Vec<i64> = reached.into_iter().filter(|place| unmet[place - first] > 0).map(id).collect();
        stuck.sort_unstable();
        return Err(CycleBehindRoot { task_id, workflow_step_ids: stuck });
    }
    let mut rows: Vec<DependencyLevel> = ordered
        .into_iter()
        .map(|place| DependencyLevel { workflow_step_id: id(place), dependency_level: levels[place - first] })
        .collect();
    rows.sort_unstable_by_key(|row| (row.dependency_level, row.workflow_step_id));
    Ok(rows)
}

/// The neighbours of a task's steps, by id; in time linear in the steps and edges of the whole snapshot, which must have
/// the ancestors in other tasks where there are any.
pub fn step_dag(snapshot: &Snapshot, task_id: i64) -> Vec<StepDag> {
    let depths = depths_from_roots(snapshot);
    let ids = |places: &[usize]| {
        let mut ids: Vec<i64> = places.iter().map(|place| snapshot.step_at(*place).workflow_step_id).collect();
        ids.sort_unstable();
        ids
    };
    snapshot
        .places_of(task_id)
        .map(|place| {
            let step = snapshot.step_at(place);
            let (parents, children) = (snapshot.parents(place), snapshot.children(place));
            StepDag {
                workflow_step_id: step.workflow_step_id,
                task_id,
                named_step_id: step.named_step_id,
                parent_step_ids: ids(parents),
                child_step_ids: ids(children),
                parent_count: parents.len(),
                child_count: children.len(),
                is_root_step: parents.is_empty(),
                is_leaf_step: children.is_empty(),
                min_depth_from_root: depths[place].filter(|depth| *depth <= DEEPEST),
            }
        })
        .collect()
}

fn depths_from_roots(snapshot: &Snapshot) -> Vec<Option<usize>> {
    let steps = snapshot.steps().len();
    let mut depths = vec![None; steps];
    let mut waiting: VecDeque<(usize, usize)> =
        (0..steps).filter(|place| snapshot.parents(*place).is_empty()).map(|place| (place, 0)).collect();
    for (root, depth) in &waiting {
        depths[*root] = Some(*depth);
    }
    while let Some((place, depth)) = waiting.pop_front() {
        for &child in snapshot.children(place) {
            if depths[child].is_none() {
                depths[child] = Some(depth + 1);
                waiting.push_back((child, depth + 1));
            }
        }
    }
    depths
}
