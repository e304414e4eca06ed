//! What becomes of a task after one of its steps has moved.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::counted;
use crate::state::TaskState;

/// How many steps of a task stand where. Every step is in one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Complete or resolved by hand.
    pub finished: u64,
    /// An attempt is under way.
    pub running: u64,
    /// Can be carried out now.
    pub ready: u64,
    /// Wait for an instant to come.
    pub waiting: u64,
    /// Wait for steps before them that have not ended well.
    pub held: u64,
    /// Failed for good, with their attempts used up, or cancelled.
    pub dead: u64,
}

impl TaskCounts {
    /// All steps.
    pub fn total(&self) -> u64 {
        self.finished + self.remaining()
    }

    /// Steps that have not ended well.
    pub fn remaining(&self) -> u64 {
        self.running + self.ready + self.waiting + self.held + self.dead
    }
}

/// What becomes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskVerdict {
    /// It has ended well.
    Complete,
    /// It goes to error.
    Fail,
    /// It goes to pending until its earliest step is due.
    Park,
    /// It stays in progress.
    GoOn,
}

impl TaskVerdict {
    /// The state that a task in progress moves to; none where it stays.
    pub fn moves_to(self) -> Option<TaskState> {
        match self {
            Self::Complete => Some(TaskState::Complete),
            Self::Fail => Some(TaskState::Error),
            Self::Park => Some(TaskState::Pending),
            Self::GoOn => None,
        }
    }
}

/// Why a task is decided about as it is. As JSON an object with the key `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum TaskReason {
    /// It has no steps.
    NoSteps,
    /// Every step is complete or resolved by hand.
    AllStepsFinished {
        /// Number of steps.
        steps: u64,
    },
    /// A step is dead, the template says `fail_fast`, and what runs has not ended.
    Halting {
        /// Dead steps.
        dead: u64,
        /// Running steps.
        running: u64,
    },
    /// A step is dead, the template says `fail_fast`, and nothing runs any more.
    Halted {
        /// Dead steps.
        dead: u64,
        /// Other steps that did not end well.
        left: u64,
    },
    /// Steps run or can run.
    StepsRun {
        /// Running steps.
        running: u64,
        /// Steps that can run.
        ready: u64,
    },
    /// Nothing runs or can run before a step's instant comes.
    StepsWait {
        /// Waiting steps.
        waiting: u64,
    },
    /// A step is dead, and nothing else can run.
    HeldByDeadSteps {
        /// Dead steps.
        dead: u64,
        /// Steps behind others.
        held: u64,
    },
    /// Steps wait for steps before them, and none of those can run or is dead: somebody changed the rows or the edges.
    NothingCanRun {
        /// Steps behind others.
        held: u64,
    },
}

impl TaskReason {
    /// Its stable code, the same as in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSteps => "no_steps",
            Self::AllStepsFinished { .. } => "all_steps_finished",
            Self::Halting { .. } => "halting",
            Self::Halted { .. } => "halted",
            Self::StepsRun { .. } => "steps_run",
            Self::StepsWait { .. } => "steps_wait",
            Self::HeldByDeadSteps { .. } => "held_by_dead_steps",
            Self::NothingCanRun { .. } => "nothing_can_run",
        }
    }
}

impl fmt::Display for TaskReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dead_steps = |dead| counted(dead, "step is dead", "steps are dead");
        match *self {
            Self::NoSteps => f.write_str("it has no steps"),
            Self::AllStepsFinished { steps: 1 } => f.write_str("its only step is complete or resolved by hand"),
            Self::AllStepsFinished { steps } => write!(f, "all {steps} steps are complete or resolved by hand"),
            Self::Halting { dead, running } => write!(
                f,
                "{} and the template says `fail_fast`; {} first",
                dead_steps(dead),
                counted(running, "running step ends", "running steps end")
            ),
            Self::Halted { dead, left } => {
                write!(f, "{} and the template says `fail_fast`", dead_steps(dead))?;
                match left {
                    0 => Ok(()),
                    _ => write!(f, "; {} not carried out", counted(left, "other step was", "other steps were")),
                }
            }
            Self::StepsRun { running, ready } => match (running, ready) {
                (0, _) => f.write_str(&counted(ready, "step can run", "steps can run")),
                (_, 0) => f.write_str(&counted(running, "step runs", "steps run")),
                _ => write!(f, "{} and {ready} more can", counted(running, "step runs", "steps run")),
            },
            Self::StepsWait { waiting } => write!(
                f,
                "nothing can run now; {} due",
                counted(waiting, "step waits until it is", "steps wait until they are")
            ),
            Self::HeldByDeadSteps { dead, held } => {
                write!(f, "{} and nothing else can run", dead_steps(dead))?;
                match held {
                    0 => Ok(()),
                    1 => f.write_str("; 1 more waits for steps before it"),
                    _ => write!(f, "; {held} more wait for steps before them"),
                }
            }
            Self::NothingCanRun { held } => write!(
                f,
                "{} for steps before them, and none of those can run or is dead: the rows were changed by another program",
                counted(held, "step waits", "steps wait")
            ),
        }
    }
}

/// What becomes of a task, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDecision {
    /// What becomes of it.
    pub verdict: TaskVerdict,
    /// Why.
    pub reason: TaskReason,
}

/// Decides what becomes of a task in progress after one of its steps has moved.
///
/// A dead step does not end the task while anything else can run or waits for its instant, unless `fail_fast` is set: then
/// nothing new begins, and the task ends with the last step that runs.
pub fn after_step(counts: &TaskCounts, fail_fast: bool) -> TaskDecision {
    let TaskCounts { running, ready, waiting, held, dead, .. } = *counts;
    let (verdict, reason) = if counts.total() == 0 {
        (TaskVerdict::Complete, TaskReason::NoSteps)
    } else if counts.remaining() == 0 {
        (TaskVerdict::Complete, TaskReason::AllStepsFinished { steps: counts.total() })
    } else if fail_fast && dead > 0 && running > 0 {
        (TaskVerdict::GoOn, TaskReason::Halting { dead, running })
    } else if fail_fast && dead > 0 {
        (TaskVerdict::Fail, TaskReason::Halted { dead, left: ready + waiting + held })
    } else if running + ready > 0 {
        (TaskVerdict::GoOn, TaskReason::StepsRun { running, ready })
    } else if waiting > 0 {
        (TaskVerdict::Park, TaskReason::StepsWait { waiting })
    } else if dead > 0 {
        (TaskVerdict::Fail, TaskReason::HeldByDeadSteps { dead, held })
    } else {
        (TaskVerdict::Fail, TaskReason::NothingCanRun { held })
    };
    TaskDecision { verdict, reason }
}
