//! Rows with the ways between them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::rows::{StepFacts, StepRow, TaskRow};
use crate::graph::Adjacency;

/// The rows of one or several tasks at one moment, put in order once so that every question costs only what it asks for.
///
/// As JSON it is its rows: `{"tasks": […], "steps": […], "edges": [{"from_step_id", "to_step_id"}, …]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct Snapshot {
    /// By id.
    tasks: Vec<TaskRow>,
    /// By task and id.
    steps: Vec<StepRow>,
    /// Places of the steps by their ids.
    by_id: Vec<(i64, usize)>,
    is_finished: Vec<bool>,
    /// Repeated edges are repeated here: the original counts them so.
    parents: Adjacency,
    children: Adjacency,
}

/// The rows of a snapshot, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Tasks that questions are asked about. A step may belong to a task that is not here: the parent, in another task,
    /// of a step that is asked about.
    pub tasks: Vec<TaskRow>,
    /// Steps.
    pub steps: Vec<StepRow>,
    /// Edges; both ends are among the steps. One may be there more than once.
    pub edges: Vec<Edge>,
}

/// A step that another one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The one that is waited for.
    pub from_step_id: i64,
    /// The one that waits.
    pub to_step_id: i64,
}

/// Why rows are no snapshot, or a question cannot be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Two tasks have one id.
    #[error("the task {0} is in the snapshot twice: give each task once")]
    RepeatedTask(i64),
    /// Two steps have one id.
    #[error("the step {0} is in the snapshot twice: give each step once")]
    RepeatedStep(i64),
    /// An edge leads to or from a step that is not there.
    #[error("an edge names the step {0}, which is not in the snapshot: add the step, also where it is another task's")]
    UnknownStep(i64),
    /// A task was asked for that is not there.
    #[error("the task {0} is not in the snapshot: add its row")]
    UnknownTask(i64),
}

impl Snapshot {
    /// Puts rows in order.
    ///
    /// # Errors
    /// Ids that are there twice, and edges whose ends are not there.
    pub fn new(rows: Rows) -> Result<Self, SnapshotError> {
        let Rows { mut tasks, mut steps, edges } = rows;
        tasks.sort_by_key(|task| task.task_id);
        if let Some(pair) = tasks.windows(2).find(|pair| pair[0].task_id == pair[1].task_id) {
            return Err(SnapshotError::RepeatedTask(pair[0].task_id));
        }
        steps.sort_by_key(|step| (step.task_id, step.workflow_step_id));
        let mut by_id: Vec<(i64, usize)> =
            steps.iter().enumerate().map(|(place, step)| (step.workflow_step_id, place)).collect();
        by_id.sort_unstable();
        if let Some(pair) = by_id.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(SnapshotError::RepeatedStep(pair[0].0));
        }
        let place = |step_id: i64| look_up(&by_id, step_id).ok_or(SnapshotError::UnknownStep(step_id));
        let pairs = edges
            .iter()
            .map(|edge| Ok((place(edge.from_step_id)?, place(edge.to_step_id)?)))
            .collect::<Result<Vec<_>, _>>()?;
        let parents = Adjacency::new(steps.len(), pairs.iter().map(|&(parent, child)| (child, parent)));
        let children = Adjacency::new(steps.len(), pairs.iter().copied());
        let is_finished = steps.iter().map(|step| step.facts.is_finished()).collect();
        Ok(Self { tasks, steps, by_id, is_finished, parents, children })
    }

    /// The tasks, by id.
    pub fn tasks(&self) -> &[TaskRow] {
        &self.tasks
    }

    /// The steps, by task and id.
    pub fn steps(&self) -> &[StepRow] {
        &self.steps
    }

    /// A task.
    pub fn task(&self, task_id: i64) -> Option<&TaskRow> {
        self.tasks.binary_search_by_key(&task_id, |task| task.task_id).ok().map(|place| &self.tasks[place])
    }

    /// The steps of a task, by id.
    pub fn steps_of(&self, task_id: i64) -> &[StepRow] {
        &self.steps[self.places_of(task_id)]
    }

    /// Where the steps of a task stand.
    pub(super) fn places_of(&self, task_id: i64) -> Range<usize> {
        let first = self.steps.partition_point(|step| step.task_id < task_id);
        first..first + self.steps[first..].partition_point(|step| step.task_id == task_id)
    }

    /// Where a step stands.
    pub(super) fn place(&self, step_id: i64) -> Option<usize> {
        look_up(&self.by_id, step_id)
    }

    pub(super) fn step_at(&self, place: usize) -> &StepRow {
        &self.steps[place]
    }

    /// Places of the steps that the one at `place` waits for, one for each edge.
    pub(super) fn parents(&self, place: usize) -> &[usize] {
        self.parents.of(place)
    }

    /// Places of the steps that wait for the one at `place`, one for each edge.
    pub(super) fn children(&self, place: usize) -> &[usize] {
        self.children.of(place)
    }

    pub(super) fn children_range(&self, place: usize) -> Range<usize> {
        self.children.range(place)
    }

    pub(super) fn child_entry(&self, entry: usize) -> usize {
        self.children.entry(entry)
    }

    pub(super) fn is_finished(&self, place: usize) -> bool {
        self.is_finished[place]
    }

    pub(super) fn finished_parents(&self, place: usize) -> usize {
        self.parents(place).iter().filter(|parent| self.is_finished[**parent]).count()
    }

    pub(super) fn set_facts(&mut self, place: usize, facts: StepFacts) {
        self.is_finished[place] = facts.is_finished();
        self.steps[place].facts = facts;
    }

    pub(super) fn task_mut(&mut self, task_id: i64) -> Option<&mut TaskRow> {
        let place = self.tasks.binary_search_by_key(&task_id, |task| task.task_id).ok()?;
        Some(&mut self.tasks[place])
    }
}

fn look_up(by_id: &[(i64, usize)], step_id: i64) -> Option<usize> {
    by_id.binary_search_by_key(&step_id, |(id, _)| *id).ok().map(|found| by_id[found].1)
}

impl TryFrom<Rows> for Snapshot {
    type Error = SnapshotError;

    fn try_from(rows: Rows) -> Result<Self, SnapshotError> {
        Self::new(rows)
    }
}

impl From<Snapshot> for Rows {
    fn from(snapshot: Snapshot) -> Self {
        let edges = (0..snapshot.steps.len()).flat_map(|child| {
            let id = |place: usize| snapshot.steps[place].workflow_step_id;
            snapshot.parents(child).iter().map(move |&parent| Edge { from_step_id: id(parent), to_step_id: id(child) })
        });
        let edges = edges.collect();
        Rows { tasks: snapshot.tasks, steps: snapshot.steps, edges }
    }
}
