//! Finding what a queue has lost: the record knows what is to be done, whoever forgot to say so.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tasker_postgres::jobs::{DueCursor, Jobs};
use tokio::sync::Notify;

use super::Queue;
use super::error::QueueError;
use super::job::{DEFAULT_QUEUE, Due, Enqueued, Job};
use crate::orchestration::{Care, expire_steps};
use crate::tasker::Tasker;

/// Steps that one statement looks at.
const PAGE: i32 = 1000;

/// What is swept, and how far that has come: the next call goes on where the last one ended.
#[derive(Debug, Clone)]
pub struct Sweep {
    idle_for: Duration,
    of_queues: Option<Vec<String>>,
    into: String,
    most: usize,
    cursor: Option<DueCursor>,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Tasks that could go on, and for which nobody had written anything for a while.
    pub tasks: usize,
    /// Wake-ups that were put into the queue. For the other tasks one waited there already.
    pub enqueued: usize,
    /// Whether all tasks have been looked at; the next sweep begins anew.
    pub through: bool,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            idle_for: Duration::from_secs(30),
            of_queues: None,
            into: DEFAULT_QUEUE.to_owned(),
            most: 10_000,
            cursor: None,
        }
    }
}

impl Sweep {
    /// All tasks for which nothing has been written for 30 s, 10,000 at most with each call, into the queue `tasker`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only tasks for which nothing has been written for this time. A task that waits for its job is not in need of
    /// another one: this should be longer than jobs usually wait.
    #[must_use]
    pub fn idle_for(mut self, time: Duration) -> Self {
        self.idle_for = time;
        self
    }

    /// Only tasks with a step of one of these queues (those of templates) that may be carried out: where workers of lanes
    /// serve the others.
    #[must_use]
    pub fn of_steps_in(mut self, queues: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.of_queues = Some(queues.into_iter().map(Into::into).collect());
        self
    }

    /// Wake-ups go into this queue (of jobs).
    #[must_use]
    pub fn into_queue(mut self, queue: impl Into<String>) -> Self {
        self.into = queue.into();
        self
    }

    /// At most about so many tasks with each call.
    #[must_use]
    pub fn at_most(mut self, tasks: usize) -> Self {
        self.most = tasks.max(1);
        self
    }
}

impl Tasker {
    /// Puts a wake-up into the queue for each unfinished task that could go on now and does not, under the key that all
    /// wake-ups of the task share: where one waits, no other comes. So whatever a queue loses, and whatever was never put
    /// in, the task goes on after the next sweep. Steps whose queue or type is paused do not count.
    ///
    /// Before that it does what workers do for each other: takes steps from those who were not heard of for their lease
    /// cancels tasks whose deadline has passed, and ends steps whose deadline has passed.
    ///
    /// For programs whose consumers are not ours: from a timer, every minute or so, in one process or in all.
    /// [`consume`](Tasker::consume) sweeps by itself.
    ///
    /// # Errors
    /// What the queue or the database reports. What was put in before is in; the next call goes on from there.
    pub async fn sweep(&self, queue: &dyn Queue, sweep: &mut Sweep) -> Result<Swept, QueueError> {
        let care = self.care(Vec::new(), Arc::new(Notify::new()));
        care.take_over_silent().await?;
        care.call_off_overdue().await?;
        expire_steps(self.ledger(), self.clock.record_time()).await?;
        let jobs = Jobs::new(self.ledger().pool().clone());
        let mut swept = Swept::default();
        let mut known = HashSet::new();
        let mut cursor = Some(sweep.cursor.take().unwrap_or_default());
        while cursor.is_some() && swept.tasks < sweep.most {
            sweep.cursor = cursor;
            let queues = sweep.of_queues.as_deref();
            let now = self.clock.record_time();
            let page = jobs.due_steps(&mut cursor, PAGE, sweep.idle_for, queues, now).await?;
            let wake_ups: Vec<(Job, Due)> = page
                .iter()
                .filter(|step| step.idle)
                .filter_map(|step| Some((step.task_id?, step.priority)))
                .filter(|(task_id, _)| known.insert(*task_id))
                .map(|(task_id, priority)| {
                    (Job::of_task(task_id).in_queue(&sweep.into).with_priority(priority), Due::Now)
                })
                .collect();
            if wake_ups.is_empty() {
                continue;
            }
            swept.tasks += wake_ups.len();
            let answers = queue.enqueue_all(wake_ups).await?;
            swept.enqueued += answers.iter().filter(|answer| **answer == Enqueued::New).count();
        }
        sweep.cursor = cursor;
        swept.through = cursor.is_none();
        Ok(swept)
    }

    /// What looks after others in the name of this engine.
    pub(crate) fn care(&self, types: Vec<String>, called: Arc<Notify>) -> Care {
        Care {
            ledger: self.ledger().clone(),
            entropy: self.entropy.clone(),
            clock: self.clock.clone(),
            label: self.label.clone(),
            types,
            called,
            every: self.worker_pulse().lease / 5,
        }
    }
}
