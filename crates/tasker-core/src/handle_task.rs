//! Working one task from a job of somebody else's queue: as far as it goes now, and then what becomes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tasker_domain::state::TaskState;
use tasker_postgres::ledger::TaskOverview;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::enter::Entered;
use crate::error::RunError;
use crate::orchestration::{
    Definitions, Drive, DriveEnd, Goal, StepDeadlines, Unobserved, expire_steps, has_deadlines, take_over_from,
};
use crate::tasker::Tasker;

/// When a job whose task is held by others looks again.
const OTHERS_WORK: Duration = Duration::from_secs(5);

/// When a job looks again whose task, queue or type is paused: who resumes it does not wake the job.
const PAUSED: Duration = Duration::from_secs(60);

/// What became of a task that was worked as far as it goes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// It is at rest in this state; nothing more is to be done.
    AtRest {
        /// `complete`, `error`, `cancelled` or `resolved_manually`.
        state: TaskState,
    },
    /// It has to be worked again.
    Again {
        /// After this time.
        after: Duration,
        /// Because of this.
        because: Because,
    },
}

/// Why a task has to be worked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// A step waits for its next attempt, or the task for its first instant.
    StepWaitsForItsTime,
    /// Others carry out its steps at this moment, or hold them; somebody may have to take over when they are silent.
    OthersCarryItOut,
    /// Others had carried steps out and were not heard of for their lease: the steps have been taken from them.
    TakenOver,
    /// Somebody paused the task, or its type, or the queue of every step that could be started.
    Paused,
    /// It was told to stop before the task had gone as far as it goes.
    Stopped,
}

impl Because {
    /// The word for it in answers and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Because::StepWaitsForItsTime => "step_waits_for_its_time",
            Because::OthersCarryItOut => "others_carry_it_out",
            Because::TakenOver => "taken_over",
            Because::Paused => "paused",
            Because::Stopped => "stopped",
        }
    }
}

impl Tasker {
    /// Works one task as far as it goes now, whoever else works it at the same time: for a job of a queue that is not
    /// ours. The job enqueues itself anew as the answer says ([`Handled::follow_up`]).
    ///
    /// # Errors
    /// [`RunError::UnknownTask`], [`RunError::ForeignTask`] for a task that was not made here, [`RunError::Handlers`]
    /// when one of its steps has no handler here, [`RunError::Database`].
    pub async fn handle_task(&self, task_id: i64, stop: CancellationToken) -> Result<Handled, RunError> {
        let task = self.overview(task_id).await?;
        if task.state.is_at_rest() {
            return Ok(Handled::AtRest { state: task.state });
        }
        let Some((definition_id, _)) = task.definition else {
            return Err(RunError::ForeignTask { task_id });
        };
        if task.paused {
            return Ok(Handled::Again { after: PAUSED, because: Because::Paused });
        }
        let mut definitions = Definitions::from(HashMap::new());
        let definition = definitions.get(self.ledger(), definition_id).await?;
        self.handlers.check(&definition.template)?;
        if has_deadlines(&definition.template) && expire_steps(self.ledger(), self.clock.record_time()).await? {
            let state = self.overview(task_id).await?.state;
            if state.is_at_rest() {
                return Ok(Handled::AtRest { state });
            }
        }
        let startable = self.ledger().startable(task_id, self.clock.record_time()).await?;
        if startable.only_paused() {
            return self.rests(task_id, startable.due).await;
        }
        let entry = self.entry_for_one_task(Some(task_id), self.worker_pulse());
        let worker_id = self.ledger().start_worker(&entry).await?;
        let Entered { mut worker, heartbeat, lost } = self.entered(worker_id, self.worker_pulse())?;
        worker.definitions = definitions;
        let called = Arc::new(Notify::new());
        let _deadlines = StepDeadlines::watch(&definition.template, self.ledger(), &self.clock, &called);
        let drive = Drive {
            create: Vec::new(),
            inbox: None,
            goal: Goal::Advance(task_id),
            observer: &Unobserved,
            drain: &CancellationToken::new(),
            stop: &stop,
            lost: &lost,
            called: &called,
        };
        let end = worker.drive(drive).await;
        heartbeat.stop();
        let handled = match end {
            DriveEnd::Ended { .. } => Ok(Handled::AtRest { state: self.overview(task_id).await?.state }),
            DriveEnd::Rests { due } => self.rests(task_id, due).await,
            DriveEnd::Stopped { .. } => Ok(Handled::Again { after: Duration::ZERO, because: Because::Stopped }),
            DriveEnd::Lost { task_id } => Err(RunError::Lost { task_id }),
            DriveEnd::Stuck { task_id } => Err(RunError::Stuck { task_id }),
            DriveEnd::Duplicate { task_id } => Err(RunError::Duplicate { task_id }),
            DriveEnd::Failed { error, .. } => Err(RunError::Database { task_id: Some(task_id), error }),
        };
        self.leave(worker_id).await;
        handled
    }

    /// What becomes of a task of which nothing more can be carried out here.
    async fn rests(&self, task_id: i64, due: Option<Duration>) -> Result<Handled, RunError> {
        let state = self.overview(task_id).await?.state;
        if state.is_at_rest() {
            // Others have ended it meanwhile.
            return Ok(Handled::AtRest { state });
        }
        let holders = self.ledger().holders(task_id).await?;
        let mut taken_over = false;
        for holder in &holders {
            if holder.lease_left.is_zero() {
                take_over_from(self.ledger(), &self.entropy, self.clock.record_time(), holder).await?;
                taken_over = true;
            }
        }
        let (after, because) = match due {
            _ if taken_over => (Duration::ZERO, Because::TakenOver),
            Some(after) => (after, Because::StepWaitsForItsTime),
            None if holders.is_empty()
                && self.ledger().startable(task_id, self.clock.record_time()).await?.only_paused() =>
            {
                (PAUSED, Because::Paused)
            }
            None => (OTHERS_WORK, Because::OthersCarryItOut),
        };
        Ok(Handled::Again { after, because })
    }

    async fn overview(&self, task_id: i64) -> Result<TaskOverview, RunError> {
        self.ledger().task_overview(task_id).await?.ok_or(RunError::UnknownTask { task_id })
    }
}
