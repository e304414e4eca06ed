//! A task with steps whose states move only by the machines; it keeps the edges that were taken, and by which journey.

use std::collections::{BTreeMap, BTreeSet};

use tasker_domain::state::{Edge, Granted, State, StepState, TaskState, step, task};

/// Which journeys took an edge, by machine and the two states.
pub(crate) type Taken = BTreeMap<(&'static str, &'static str, &'static str), BTreeSet<String>>;

/// The key of an edge in [`Taken`].
pub(crate) fn key<S: State>(edge: &Edge<S>) -> (&'static str, &'static str, &'static str) {
    (S::WHAT, edge.from.word(), edge.to.word())
}

struct Step {
    name: String,
    parents: Vec<String>,
    state: StepState,
    rows: Vec<String>,
}

pub(crate) struct World<'a> {
    journey: String,
    taken: &'a mut Taken,
    task: TaskState,
    task_rows: Vec<String>,
    steps: Vec<Step>,
}

impl<'a> World<'a> {
    pub(crate) fn new(journey: &str, steps: &[(String, Vec<String>)], taken: &'a mut Taken) -> Self {
        let steps = (steps.iter())
            .map(|(name, parents)| Step {
                name: name.clone(),
                parents: parents.clone(),
                state: StepState::Pending,
                rows: Vec::new(),
            })
            .collect();
        Self { journey: journey.to_owned(), taken, task: TaskState::Pending, task_rows: Vec::new(), steps }
    }

    fn record<S: State>(&mut self, edge: &Edge<S>) {
        self.taken.entry(key(edge)).or_default().insert(self.journey.clone());
    }

    /// Moves the task, guards included; gives the edge.
    pub(crate) fn move_task(&mut self, to: TaskState) -> &'static Edge<TaskState> {
        let granted = task::request(self.task, to, self.steps.iter().map(|step| step.state));
        let Ok(Granted::Move(edge)) = granted else { panic!("{}: the task cannot move: {granted:?}", self.journey) };
        self.record(edge);
        self.task = to;
        self.task_rows.push(to.as_str().to_owned());
        edge
    }

    /// Moves a step, guards included; gives the edge.
    pub(crate) fn move_step(&mut self, name: &str, to: StepState) -> &'static Edge<StepState> {
        let place = self.steps.iter().position(|step| step.name == name).unwrap();
        let step = &self.steps[place];
        let parents = self.steps.iter().filter(|other| step.parents.contains(&other.name)).map(|other| other.state);
        let granted = step::request(step.state, to, parents);
        let Ok(Granted::Move(edge)) = granted else { panic!("{}: {name} cannot move: {granted:?}", self.journey) };
        self.record(edge);
        self.steps[place].state = to;
        self.steps[place].rows.push(to.as_str().to_owned());
        edge
    }

    pub(crate) fn task_state(&self) -> TaskState {
        self.task
    }

    pub(crate) fn task_rows(&self) -> &[String] {
        &self.task_rows
    }

    pub(crate) fn step_state(&self, name: &str) -> StepState {
        self.steps.iter().find(|step| step.name == name).unwrap().state
    }

    pub(crate) fn step_rows(&self, name: &str) -> &[String] {
        &self.steps.iter().find(|step| step.name == name).unwrap().rows
    }
}
