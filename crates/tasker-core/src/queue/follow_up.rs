//! From an answer to the next job: all that stands between the engine and somebody's queue.

use tasker_domain::template::Template;
use tasker_postgres::ledger::Created;

use super::Queue;
use super::error::QueueError;
use super::job::{Due, Enqueued, Job};
use crate::error::RunError;
use crate::handle_task::Handled;
use crate::submit::Request;
use crate::tasker::Tasker;

/// A task that was created and whose wake-up was put into a queue.
#[derive(Debug)]
#[must_use = "the queue may not have taken the wake-up in"]
pub struct HandedIn {
    /// The task. It stands, whatever became of its wake-up.
    pub task: Created,
    /// What the queue did with the wake-up. After an error nothing has to be done but to say so: the task is found by the
    /// next [sweep](Tasker::sweep). It must not be created again.
    pub wake_up: Result<Enqueued, QueueError>,
}

impl Handled {
    /// From when on the task has to be worked again; nothing when it is at rest.
    pub fn due(&self) -> Option<Due> {
        match self {
            Handled::AtRest { .. } => None,
            Handled::Again { after, .. } if after.is_zero() => Some(Due::Now),
            Handled::Again { after, .. } => Some(Due::In(*after)),
        }
    }

    /// Puts the next job of the task into the queue, if there has to be one: the last thing that a framework's job does.
    /// `job` is the one at work, or [`Job::of_task`].
    ///
    /// # Errors
    /// What the queue reports. The job should fail then, so that its framework runs it again; if it does not, the task is
    /// found by the next [sweep](Tasker::sweep).
    pub async fn follow_up(&self, queue: &dyn Queue, job: Job) -> Result<Option<Enqueued>, QueueError> {
        match self.due() {
            Some(due) => queue.enqueue(job, due).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Tasker {
    /// Creates a task and puts its wake-up into a queue: for the instant at which its first steps may start.
    ///
    /// The one after the other: a process that dies in between leaves a task without a wake-up, which the next
    /// [sweep](Tasker::sweep) finds.
    ///
    /// # Errors
    /// As [`submit`](Tasker::submit). That the queue did not take the wake-up in is told in the answer, as the task stands.
    pub async fn submit_to(
        &self,
        queue: &dyn Queue,
        template: &Template,
        request: Request,
    ) -> Result<HandedIn, RunError> {
        let due = request.starts_at().map_or(Due::Now, Due::At);
        let task = self.submit(template, request).await?;
        let wake_up = queue.enqueue(Job::of_task(task.task_id), due).await;
        if let Err(error) = &wake_up {
            tracing::warn!(%error, task_id = task.task_id, "the task was created, and its wake-up was not enqueued; the next sweep does that");
        }
        Ok(HandedIn { task, wake_up })
    }
}
