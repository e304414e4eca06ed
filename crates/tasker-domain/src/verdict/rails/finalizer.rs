//! The original's decision about a task at the end of a pass (B-ORC-068 to B-ORC-075).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::counted;
use crate::state::{State, TaskState, task};

/// Where a task stands, as the original's finaliser tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// The context function gave no row.
    NoContext,
    /// A step can run now.
    HasReadySteps,
    /// A step runs.
    Processing,
    /// A failed step has used up its attempts, and nothing is ready or runs.
    BlockedByFailures,
    /// There are steps, and all are complete or resolved by hand.
    AllComplete,
    /// None of these.
    WaitingForDependencies,
    /// A word that the finaliser does not know.
    Unknown,
}

impl Situation {
    /// From the `execution_status` of the task's context; no context, no word.
    pub fn of_status(execution_status: Option<&str>) -> Self {
        match execution_status {
            None => Self::NoContext,
            Some("has_ready_steps") => Self::HasReadySteps,
            Some("processing") => Self::Processing,
            Some("blocked_by_failures") => Self::BlockedByFailures,
            Some("all_complete") => Self::AllComplete,
            Some("waiting_for_dependencies") => Self::WaitingForDependencies,
            Some(_) => Self::Unknown,
        }
    }

    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoContext => "no_context",
            Self::HasReadySteps => "has_ready_steps",
            Self::Processing => "processing",
            Self::BlockedByFailures => "blocked_by_failures",
            Self::AllComplete => "all_complete",
            Self::WaitingForDependencies => "waiting_for_dependencies",
            Self::Unknown => "unknown",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The loop that has just run steps: every run of the original.
    Synchronous,
    /// Somebody else: the entry that the original offers to its host.
    Asynchronous,
}

/// One thing that is done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// The task moves, with the events of the machine.
    Move(task::Edge),
    /// The task's column `complete` is set.
    SetCompleteFlag,
    /// An event is published beside those of the machine.
    Publish {
        /// Its name.
        event: &'static str,
        /// Its payload's `reason`.
        reason: Option<&'static str>,
    },
    /// A run is put in the queue.
    Enqueue {
        /// After how many seconds.
        delay_seconds: u32,
    },
    /// The decision ends with an error of the original's own, named by its class.
    Raise {
        /// The class.
        class: &'static str,
    },
}

/// What the original does with a task, and why. Its text is the sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finalization {
    /// Where the task stands: the reason.
    pub reason: Situation,
    /// The task's state before.
    pub from: TaskState,
    /// What is done, in order.
    pub acts: Vec<Act>,
    /// The move that was wanted and that the machine does not have; the original passes over it in silence.
    pub refused: Option<TaskState>,
}

impl Finalization {
    /// The state that the task is left in.
    pub fn ends_in(&self) -> TaskState {
        let moves = self.acts.iter().rev().find_map(|act| if let Act::Move(edge) = act { Some(edge.to) } else { None });
        moves.unwrap_or(self.from)
    }

    /// The names of all events, in order, as the original publishes them: its rows do not say where they come from.
    pub fn events(&self) -> Vec<&'static str> {
        let machine = TaskState::machine();
        let mut events = Vec::new();
        for act in &self.acts {
            match act {
                Act::Move(edge) => {
                    events.extend(machine.before_event);
                    events.push(machine.arrival_event(edge.to));
                }
                Act::Publish { event, .. } => events.push(event),
                Act::SetCompleteFlag | Act::Enqueue { .. } | Act::Raise { .. } => {}
            }
        }
        events
    }

    fn go(&mut self, to: TaskState) -> bool {
        match task::transition(self.ends_in(), to) {
            Ok(edge) => self.acts.push(Act::Move(*edge)),
            Err(_) if self.ends_in() == to => return false,
            Err(_) => {
                self.refused = Some(to);
                return false;
            }
        }
        true
    }

    fn publish(&mut self, event: &'static str, reason: Option<&'static str>) {
        self.acts.push(Act::Publish { event, reason });
    }

    fn complete(&mut self) {
        match self.from {
            TaskState::Cancelled | TaskState::ResolvedManually => self.refused = Some(TaskState::Complete),
            // Its flag is set, and the announcement fails for want of an argument.
            TaskState::Complete => {
                self.acts.extend([Act::SetCompleteFlag, Act::Raise { class: "ArgumentError" }]);
            }
            TaskState::Pending | TaskState::InProgress | TaskState::Error => {
                if self.from == TaskState::Error {
                    self.go(TaskState::Pending);
                }
                if self.from != TaskState::InProgress {
                    self.go(TaskState::InProgress);
                }
                self.acts.push(Act::SetCompleteFlag);
                self.go(TaskState::Complete);
                self.publish("task.completed", None);
            }
        }
    }

    fn fail(&mut self) {
        if self.go(TaskState::Error) {
            self.publish("task.failed", None);
        }
    }

    fn park(&mut self, reason: &'static str) {
        if self.go(TaskState::Pending) {
            self.publish("task.initialize_requested", Some(reason));
        }
    }

    fn again_now(&mut self, reason: &'static str, delay_seconds: u32) {
        self.publish("workflow.task_reenqueue_started", Some(reason));
        // A refusal is passed over: the run is put in the queue whatever the task's state.
        self.go(TaskState::Pending);
        self.acts.push(Act::Enqueue { delay_seconds });
        self.publish("workflow.task_reenqueue_requested", Some(reason));
    }

    fn again_later(&mut self, reason: &'static str, delay_seconds: u32) {
        self.publish("workflow.task_reenqueue_delayed", Some(reason));
        self.acts.push(Act::Enqueue { delay_seconds });
    }
}

/// What the original does with a task in state `from` that stands so. `delay_seconds` is
/// [`ReenqueueDelays::seconds`](super::ReenqueueDelays::seconds) of it.
///
/// A task that stands as `all_complete` passes the guard on completion; the original announces it even where another
/// program has changed that meanwhile.
pub fn finalize(from: TaskState, standing: Situation, mode: Mode, delay_seconds: u32) -> Finalization {
    let mut decision = Finalization { reason: standing, from, acts: Vec::new(), refused: None };
    match (standing, mode) {
        (Situation::AllComplete, _) => decision.complete(),
        (Situation::BlockedByFailures | Situation::NoContext, _) => decision.fail(),
        (Situation::HasReadySteps, mode) => {
            if !matches!(from, TaskState::InProgress | TaskState::Complete) {
                decision.go(TaskState::InProgress);
            }
            if mode == Mode::Asynchronous {
                decision.again_now("ready_steps_available", delay_seconds);
            }
        }
        (Situation::WaitingForDependencies, Mode::Synchronous) => decision.park("waiting_for_dependencies"),
        (Situation::WaitingForDependencies, Mode::Asynchronous) => {
            decision.again_later("awaiting_dependencies", delay_seconds);
        }
        (Situation::Processing, Mode::Synchronous) => decision.park("waiting_for_step_completion"),
        (Situation::Processing, Mode::Asynchronous) => decision.again_later("steps_in_progress", delay_seconds),
        (Situation::Unknown, _) => decision.again_later("continuing_workflow", delay_seconds),
    }
    decision
}

impl fmt::Display for Finalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Situation::NoContext => "the task cannot be found",
            Situation::HasReadySteps => "steps are ready",
            Situation::Processing => "steps run",
            Situation::BlockedByFailures => "a failed step has used up its attempts and nothing else is ready or runs",
            Situation::AllComplete => "all steps are complete or resolved by hand",
            Situation::WaitingForDependencies => "steps wait, and none is ready or runs",
            Situation::Unknown => "its execution status is none that the original knows",
        })?;
        if self.ends_in() == self.from {
            write!(f, "; the task stays {}", self.from)?;
        } else {
            write!(f, "; the task goes from {} to {}", self.from, self.ends_in())?;
        }
        if let Some(wanted) = self.refused {
            write!(f, ", as its machine has no move from {} to {wanted}", self.ends_in())?;
        }
        for act in &self.acts {
            match act {
                Act::Enqueue { delay_seconds: 0 } => f.write_str("; it is run again at once")?,
                Act::Enqueue { delay_seconds } => {
                    write!(f, "; it is run again in {}", counted(u64::from(*delay_seconds), "second", "seconds"))?;
                }
                Act::Raise { class } => write!(f, "; then the original fails with its own {class}")?,
                Act::Move(_) | Act::SetCompleteFlag | Act::Publish { .. } => {}
            }
        }
        if self.reason == Situation::HasReadySteps && !self.acts.iter().any(|act| matches!(act, Act::Enqueue { .. })) {
            f.write_str("; nothing runs it again")?;
        }
        Ok(())
    }
}
