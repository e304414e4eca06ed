//! What became of each step and of the task in both engines, and which ruling tells why it is not the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use tasker_domain::state::TaskState;
use tasker_domain::verdict::{TaskCounts, after_step};
use tasker_testing::rails::{StepRow, TransitionRow};

use crate::handler::{Outcome, Script, StepFailure};

/// What is known of a case beside its rows.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) script: Script,
    /// Steps that a person moved to `pending` in the recording; here they were left to try again by themselves.
    pub(crate) skipped: BTreeSet<String>,
    /// Steps that a person resolved, completed or cancelled.
    pub(crate) settled_by_hand: BTreeSet<String>,
    /// A person moved the task from `error` to `pending`.
    pub(crate) sent_on: bool,
}

impl Known {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, skipped: BTreeSet::new(), settled_by_hand: BTreeSet::new(), sent_on: false }
    }
}

/// One engine's rows.
#[derive(Debug, Deserialize)]
pub(crate) struct Side {
    steps: Vec<StepRow>,
    edges: Vec<Edge>,
    step_transitions: BTreeMap<String, Vec<TransitionRow>>,
    pub(crate) task_transitions: Vec<TransitionRow>,
    pub(crate) readiness: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    from: String,
    to: String,
}

impl Side {
    pub(crate) fn of(rows: &Value) -> Result<Self, String> {
        Self::deserialize(rows).map_err(|error| error.to_string())
    }

    pub(crate) fn step(&self, name: &str) -> Option<&StepRow> {
        self.steps.iter().find(|step| step.name == name)
    }

    pub(crate) fn steps(&self) -> &[StepRow] {
        &self.steps
    }

    pub(crate) fn parents<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.edges.iter().filter(move |edge| edge.to == name).map(|edge| edge.from.as_str())
    }

    pub(crate) fn history(&self, step: &str) -> &[TransitionRow] {
        self.step_transitions.get(step).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn state(&self, step: &str) -> &str {
        last(self.history(step))
    }

    pub(crate) fn task_state(&self) -> &str {
        last(&self.task_transitions)
    }

    pub(crate) fn is_finished(&self, step: &str) -> bool {
        matches!(self.state(step), "complete" | "resolved_manually")
    }

    pub(crate) fn may_start(&self, step: &str) -> bool {
        self.parents(step).all(|parent| self.is_finished(parent))
    }

    /// Failed with another attempt to come, by this row.
    pub(crate) fn waits(&self, step: &StepRow) -> bool {
        self.state(&step.name) == "error" && step.retryable && step.attempts < step.retry_limit
    }

    fn counts(&self) -> TaskCounts {
        let mut counts = TaskCounts::default();
        for step in &self.steps {
            let count = match self.state(&step.name) {
                "complete" | "resolved_manually" => &mut counts.finished,
                "in_progress" => &mut counts.running,
                "error" if self.waits(step) => &mut counts.waiting,
                "error" | "cancelled" => &mut counts.dead,
                _ if self.may_start(&step.name) => &mut counts.ready,
                _ => &mut counts.held,
            };
            *count += 1;
        }
        counts
    }
}

fn last(history: &[TransitionRow]) -> &str {
    history.last().map_or("pending", |row| &row.to_state)
}

pub(crate) fn states(history: &[TransitionRow]) -> Vec<&str> {
    history.iter().map(|row| row.to_state.as_str()).collect()
}

/// How our history of something compares with the recorded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// It went through the same states.
    Same,
    /// Another way, because of this ruling.
    By(&'static str),
    /// Another way, and nothing tells why.
    Unexplained,
}

impl Course {
    pub(crate) fn ruling(self) -> Option<&'static str> {
        match self {
            Self::By(ruling) => Some(ruling),
            Self::Same | Self::Unexplained => None,
        }
    }
}

/// The courses of a task and its steps.
#[derive(Debug)]
pub(crate) struct Courses {
    pub(crate) task: Course,
    steps: BTreeMap<String, Course>,
}

impl Courses {
    pub(crate) fn of(recorded: &Side, ours: &Side, known: &Known) -> Self {
        let mut steps: BTreeMap<String, Course> = BTreeMap::new();
        // Steps stand in the order of their ids, parents first or not: those before others are settled first.
        for _ in &ours.steps {
            for step in &ours.steps {
                if !steps.contains_key(&step.name) && ours.parents(&step.name).all(|parent| steps.contains_key(parent))
                {
                    let course = of_step(recorded, ours, known, &step.name, &steps);
                    steps.insert(step.name.clone(), course);
                }
            }
        }
        let task = of_task(recorded, ours, known, &steps);
        Self { task, steps }
    }

    pub(crate) fn step(&self, name: &str) -> Course {
        self.steps.get(name).copied().unwrap_or(Course::Unexplained)
    }

    /// The first ruling by which a step went another way.
    pub(crate) fn any_ruling(&self) -> Option<&'static str> {
        self.steps.values().find_map(|course| course.ruling())
    }
}

fn of_step(recorded: &Side, ours: &Side, known: &Known, name: &str, before: &BTreeMap<String, Course>) -> Course {
    let (theirs, here) = (states(recorded.history(name)), states(ours.history(name)));
    let (Some(row), Some(our_row)) = (recorded.step(name), ours.step(name)) else { return Course::Unexplained };
    if !follows_script(known, name, &here) {
        return Course::Unexplained;
    }
    if theirs == here {
        return Course::Same;
    }
    let of_parents = || ours.parents(name).find_map(|parent| before.get(parent)?.ruling());
    if let Some(more) = here.strip_prefix(theirs.as_slice()) {
        let was_cancelled = ours.task_state() == "cancelled" && recorded.task_state() == "cancelled";
        return match (theirs.last(), more) {
            // The recording left the steps of a cancelled task as they were.
            (None | Some(&("in_progress" | "pending")), ["cancelled"]) | (Some(&"error"), ["pending", "cancelled"])
                if was_cancelled =>
            {
                Course::By("R-17")
            }
            (Some(&"error"), ["pending", ..]) if row.retryable && row.attempts < row.retry_limit => {
                // The recorded engine never tries again by itself.
                Course::By("R-11")
            }
            // Sending a task on gives its failed steps another attempt.
            (Some(&"error"), ["pending", ..]) if known.sent_on => Course::By("R-22"),
            // The recorded engine never starts what may not be tried again.
            (None, ["in_progress", ..]) if !row.retryable && recorded.may_start(name) => Course::By("R-13"),
            (None, ["in_progress", ..]) if !recorded.may_start(name) => {
                of_parents().map_or(Course::Unexplained, Course::By)
            }
            // Settling a step by hand sends a failed task on.
            (None, ["in_progress", ..])
                if recorded.task_state() == "error" && has_ancestor(ours, name, &known.settled_by_hand) =>
            {
                Course::By("R-22")
            }
            _ => Course::Unexplained,
        };
    }
    if let Some(missing) = theirs.strip_prefix(here.as_slice()) {
        return match (here.last(), missing) {
            // The recorded engine runs a step again that failed for good.
            (Some(&"error"), ["pending", ..])
                if row.retryable && !our_row.retryable && failed_for_good(known, name, &here) =>
            {
                Course::By("R-14")
            }
            // A person's move to `pending` is not made here: the claim makes it when the time has come.
            (Some(&"error"), ["pending"]) if known.skipped.contains(name) && ours.waits(our_row) => Course::By("R-11"),
            // No attempts were left: to `pending` and never further.
            (Some(&"error"), ["pending"])
                if known.skipped.contains(name) && our_row.attempts >= our_row.retry_limit =>
            {
                Course::By("R-13")
            }
            (None, ["in_progress", ..]) if !ours.may_start(name) => {
                of_parents().map_or(Course::Unexplained, Course::By)
            }
            _ => Course::Unexplained,
        };
    }
    // Moved to `pending` before it was settled by hand; here it was settled where it stood.
    let settled_from_pending = || match theirs.as_slice() {
        [start @ .., "error", "pending", end] => here.split_last() == Some((end, &[start, &["error"]].concat())),
        _ => false,
    };
    if known.skipped.contains(name) && known.settled_by_hand.contains(name) && settled_from_pending() {
        return Course::By("R-22");
    }
    Course::Unexplained
}

/// Whether each attempt ended as the script says, and none is missing between others.
fn follows_script(known: &Known, name: &str, states: &[&str]) -> bool {
    let mut attempt = 0;
    let mut from = "pending";
    for &to in states {
        let is_right = match (from, to) {
            ("pending", "in_progress") => {
                attempt += 1;
                true
            }
            ("in_progress", "complete") => known.script.outcome(name, attempt) == Outcome::Success,
            ("in_progress", "error") => known.script.outcome(name, attempt) != Outcome::Success,
            ("error", "pending") | ("in_progress", "cancelled") => true,
            ("pending" | "error", "cancelled" | "resolved_manually" | "complete") => {
                to == "cancelled" || known.settled_by_hand.contains(name)
            }
            _ => false,
        };
        if !is_right {
            return false;
        }
        from = to;
    }
    true
}

/// The failure that the last attempt of a history came to.
pub(crate) fn last_failure(known: &Known, name: &str, states: &[&str]) -> Option<StepFailure> {
    let attempts = states.iter().filter(|state| **state == "in_progress").count();
    match known.script.outcome(name, u32::try_from(attempts).ok().filter(|&attempts| attempts > 0)?) {
        Outcome::Failure(failure) => Some(failure),
        Outcome::Success => None,
    }
}

pub(crate) fn failed_for_good(known: &Known, name: &str, states: &[&str]) -> bool {
    states.contains(&"error") && last_failure(known, name, states).is_some_and(|failure| failure.permanent)
}

fn has_ancestor(side: &Side, name: &str, among: &BTreeSet<String>) -> bool {
    side.parents(name).any(|parent| among.contains(parent) || has_ancestor(side, parent, among))
}

fn of_task(recorded: &Side, ours: &Side, known: &Known, steps: &BTreeMap<String, Course>) -> Course {
    let (theirs, here) = (states(&recorded.task_transitions), states(&ours.task_transitions));
    if theirs == here {
        return Course::Same;
    }
    if !stands_as_its_steps_do(recorded, ours) {
        return Course::Unexplained;
    }
    let dead_for_good =
        |step: &StepRow| !step.retryable && failed_for_good(known, &step.name, &states(ours.history(&step.name)));
    if let Some(ruling) = steps.values().find_map(|course| course.ruling()) {
        return Course::By(ruling);
    }
    if ours.steps.iter().any(dead_for_good) {
        return Course::By("R-14");
    }
    match (recorded.task_state(), ours.task_state()) {
        // A cancelled step keeps its task from its end.
        (_, "error") if ours.steps.iter().any(|step| ours.state(&step.name) == "cancelled") => Course::By("R-16"),
        ("error", _) if known.sent_on || !known.settled_by_hand.is_empty() => Course::By("R-22"),
        // A dead step ends the recorded task at once.
        ("error", "pending" | "in_progress") => Course::By("R-15"),
        _ if without_parking(&theirs) == without_parking(&here) => Course::By("R-21"),
        _ => Course::Unexplained,
    }
}

/// Whether the task's state is the one that follows from its steps, or that a person gave it.
fn stands_as_its_steps_do(recorded: &Side, ours: &Side) -> bool {
    let state = ours.task_state();
    if matches!(state, "cancelled" | "resolved_manually") {
        return state == recorded.task_state();
    }
    match after_step(&ours.counts(), false).verdict.moves_to() {
        Some(end) => state == TaskState::as_str(end),
        // Nothing more was done after a person had sent it on.
        None => matches!(state, "pending" | "in_progress"),
    }
}

/// A history without the rests between passes, which each engine takes when it has nothing to run.
fn without_parking<'a>(states: &[&'a str]) -> Vec<&'a str> {
    let mut left: Vec<&str> = Vec::new();
    for &state in states {
        if state == "in_progress" && left.last() == Some(&"in_progress") {
            continue;
        }
        if state == "pending" && left.last() == Some(&"in_progress") {
            continue;
        }
        left.push(state);
    }
    left
}
