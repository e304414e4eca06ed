//! What a simulation shows: executions, events, states and their history.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagram::span::seconds;
use crate::diagram::{Timeline, gantt};
use crate::json::Json;
use crate::state::{StepState, TaskState};
use crate::template::Template;
use crate::verdict::TaskReason;

/// A run under the virtual clock. Every instant is the time since the run began; as JSON it is a number of seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    pub(super) state: TaskState,
    pub(super) reason: TaskReason,
    pub(super) held_by: Vec<usize>,
    pub(super) steps: Vec<SimulatedStep>,
    pub(super) executions: Vec<Execution>,
    pub(super) events: Vec<Event>,
    pub(super) transitions: Vec<Transition>,
}

/// A step at the end of a simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedStep {
    /// Its state.
    pub state: StepState,
    /// The attempts it had; 0 where it never ran.
    pub attempts: u32,
    /// Whether it may be tried again: the template's `default_retryable`, and no permanent failure since.
    pub retryable: bool,
    /// What stands in the row's `results`: those of its success, or the errors of its failures merged; `{}` where it
    /// never ran.
    pub results: Json,
    /// Seconds that the last failure asked for: the row's `backoff_request_seconds`.
    pub asked_seconds: Option<u32>,
}

/// One attempt as it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Place of the step in the template.
    pub place: usize,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// When it could have begun: its parents had ended, or its wait was over. Later than that it began where no worker
    /// was free.
    #[serde(with = "seconds")]
    pub ready: Duration,
    /// When it began.
    #[serde(with = "seconds")]
    pub started: Duration,
    /// When it ended.
    #[serde(with = "seconds")]
    pub ended: Duration,
    /// How it ended.
    #[serde(flatten)]
    pub end: ExecutionEnd,
}

/// How an [`Execution`] ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum ExecutionEnd {
    /// Well.
    Succeeded,
    /// It failed, and another attempt follows.
    WillRetry {
        /// Why it failed.
        error: String,
        /// When the next attempt may begin.
        #[serde(with = "seconds")]
        until: Duration,
    },
    /// It failed, and no attempt follows: they are used up, or the task was halted (`fail_fast`).
    Failed {
        /// Why it failed.
        error: String,
    },
    /// It failed for good.
    FailedForGood {
        /// Why it failed.
        error: String,
    },
}

/// Something that happened, for a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// Place of the step in the template.
    pub place: usize,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What an [`Event`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The attempt began.
    Started,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It failed, and the step waits for its next attempt.
    Waiting {
        /// Until then.
        #[serde(with = "seconds")]
        until: Duration,
    },
}

/// A row of the history of a task or step, as the engine would write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Its instant.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// What moved.
    #[serde(flatten)]
    pub moved: Move,
}

/// From where to where something moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Move {
    /// The task.
    Task {
        /// State before.
        from: TaskState,
        /// State after.
        to: TaskState,
    },
    /// A step.
    Step {
        /// Place of the step in the template.
        place: usize,
        /// State before.
        from: StepState,
        /// State after.
        to: StepState,
        /// The attempt that the row names.
        attempt: u32,
    },
}

impl Simulation {
    /// The state in which the task ended: complete, or in error.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// Why it ended so.
    pub fn reason(&self) -> TaskReason {
        self.reason
    }

    /// Places of the dead steps that keep the task from being complete, ascending; empty for one that is.
    pub fn held_by(&self) -> &[usize] {
        &self.held_by
    }

    /// The steps, by their places in the template.
    pub fn steps(&self) -> &[SimulatedStep] {
        &self.steps
    }

    /// The attempts, in the order in which they began.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// What happened, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The rows of the histories of the task and its steps, in the order in which the engine writes them. Within one
    /// instant only the order of the rows of one task or of one step means something.
    pub fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    /// The states that the task went to, in order.
    pub fn task_states(&self) -> Vec<TaskState> {
        let to = |row: &Transition| match row.moved {
            Move::Task { to, .. } => Some(to),
            Move::Step { .. } => None,
        };
        self.transitions.iter().filter_map(to).collect()
    }

    /// The states that each step went to, in order; by their places in the template.
    pub fn step_states(&self) -> Vec<Vec<StepState>> {
        let mut states = vec![Vec::new(); self.steps.len()];
        for row in &self.transitions {
            if let Move::Step { place, to, .. } = row.moved {
                states[place].push(to);
            }
        }
        states
    }

    /// When the last thing happened.
    pub fn ended_at(&self) -> Duration {
        self.events.last().map_or(Duration::ZERO, |event| event.at)
    }

    /// The run as a chart is drawn of it; `template` is the one that was simulated.
    pub fn timeline(&self, template: &Template) -> Timeline {
        let attempts = self.executions.iter().map(|execution| {
            let (outcome, waiting_until) = match execution.end {
                ExecutionEnd::Succeeded => (gantt::Outcome::Succeeded, None),
                ExecutionEnd::WillRetry { until, .. } => (gantt::Outcome::Failed, Some(until)),
                ExecutionEnd::Failed { .. } | ExecutionEnd::FailedForGood { .. } => (gantt::Outcome::Failed, None),
            };
            gantt::Attempt {
                step: template.steps[execution.place].name.clone(),
                attempt: execution.attempt,
                started: execution.started,
                ended: execution.ended,
                outcome,
                waiting_until,
            }
        });
        let never_began = template.steps.iter().zip(&self.steps).filter(|(_, step)| step.attempts == 0);
        Timeline {
            title: format!("{}/{}@{}", template.namespace, template.name, template.version),
            attempts: attempts.collect(),
            never_began: never_began.map(|(step, _)| step.name.clone()).collect(),
        }
    }
}
