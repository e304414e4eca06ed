//! Steps that are not done within their deadline, a limit over all attempts and waits: a worker looks for those of all
//! tasks as its caretaker; who works a single task looks while it does.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use tasker_domain::code::Coded;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{ExpiredStep, ExpiredSteps, Ledger, LedgerError, PassedOver};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};

/// Steps that are looked at in one go.
const STEPS_AT_A_TIME: i64 = 100;

/// How often who works a single task looks for deadlines.
const LOOK: Duration = Duration::from_secs(1);

/// Whether a step of the template has a deadline.
pub(crate) fn has_deadlines(template: &Template) -> bool {
    template.steps.iter().any(|step| step.deadline_seconds.is_some())
}

/// Ends every step whose deadline has passed, and says whether there was one. What stands in the way of one is logged.
pub(crate) async fn expire_steps(ledger: &Ledger, now: Option<NaiveDateTime>) -> Result<bool, LedgerError> {
    let mut any = false;
    loop {
        let ExpiredSteps { steps, passed_over, more } = ledger.expire_steps(STEPS_AT_A_TIME, now).await?;
        for ExpiredStep { task_id, step_id, from } in &steps {
            tracing::info!(task_id, step_id, %from, "the deadline of a step has passed; it is dead");
        }
        for PassedOver { task_id, step_id, error } in &passed_over {
            tracing::warn!(task_id, step_id, %error, code = %error.code(),
                "the deadline of a step has passed, but it could not be ended; that is tried again");
        }
        any |= !steps.is_empty();
        if !more {
            return Ok(any);
        }
    }
}

/// Looks for deadlines beside the work of a single task, until dropped.
#[derive(Debug)]
pub(crate) struct StepDeadlines {
    task: JoinHandle<()>,
}

impl StepDeadlines {
    /// Looks if the template has a deadline at all, in real time, whatever clock the rest works by; `called` is notified
    /// when a step has died.
    pub(crate) fn watch(
        template: &Template,
        ledger: &Ledger,
        clock: &Arc<dyn Clock>,
        called: &Arc<Notify>,
    ) -> Option<Self> {
        if !has_deadlines(template) {
            return None;
        }
        let (ledger, clock, called) = (ledger.clone(), clock.clone(), called.clone());
        let task = tokio::spawn(async move {
            let real = SystemClock::new();
            loop {
                match expire_steps(&ledger, clock.record_time()).await {
                    Ok(true) => called.notify_one(),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, code = %error.code(), "deadlines could not be looked at; the next look tries again");
                    }
                }
                real.sleep(LOOK).await;
            }
        });
        Some(Self { task })
    }
}

impl Drop for StepDeadlines {
    fn drop(&mut self) {
        self.task.abort();
    }
}
