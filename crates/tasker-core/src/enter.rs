//! Entering the list of workers and leaving it: what runs, workers and jobs of other queues have in common.

use std::sync::Arc;

use tasker_domain::code::Coded;
use tasker_postgres::ledger::{NewWorker, WorkerId};
use tokio_util::sync::CancellationToken;

use crate::error::RunError;
use crate::orchestration::{Definitions, Heartbeat, Holding, Pulse, Worker};
use crate::tasker::{MAX_RESULT_BYTES, Tasker};

/// A worker that stands in the list and is heard of.
pub(crate) struct Entered {
    pub(crate) worker: Worker,
    pub(crate) heartbeat: Heartbeat,
    /// Signalled when others have declared the worker lost.
    pub(crate) lost: CancellationToken,
}

impl Tasker {
    /// How a worker of one task enters the list: it serves no common lane.
    pub(crate) fn entry_for_one_task(&self, task_id: Option<i64>, pulse: Pulse) -> NewWorker<'_> {
        NewWorker {
            name: &self.label,
            lease: pulse.lease,
            concurrency: self.concurrency,
            task_id,
            queues: Some(&[]),
            handlers: Some(&[]),
            types: &[],
            templates: None,
        }
    }

    /// Lets the worker that stands in the list under this id be heard of, and gives it what it works with. It knows no
    /// definition and no lane yet, makes one call at a time on the pool's connections, and outlives outages.
    pub(crate) fn entered(&self, worker_id: WorkerId, pulse: Pulse) -> Result<Entered, RunError> {
        let (lost, holding) = (CancellationToken::new(), Holding::default());
        let heartbeat = Heartbeat::start(self.ledger(), worker_id, pulse, holding.clone(), lost.clone())
            .map_err(RunError::Heartbeat)?;
        let worker = Worker {
            ledger: self.ledger().clone(),
            exchanger: None,
            id: worker_id,
            label: self.label.clone(),
            handlers: self.handlers.clone(),
            definitions: Definitions::default(),
            clock: Arc::clone(&self.clock),
            entropy: self.entropy.clone(),
            concurrency: self.concurrency,
            max_result_bytes: MAX_RESULT_BYTES,
            lanes: Vec::new(),
            correlation_id: self.correlation_id(),
            holding,
            calls_at_a_time: 1,
            outlives_outages: true,
        };
        Ok(Entered { worker, heartbeat, lost })
    }

    /// Takes a worker out of the list. One that stays there is found dead by its lease; that loses nothing.
    pub(crate) async fn leave(&self, worker_id: WorkerId) {
        if let Err(error) = self.ledger().stop_worker(worker_id).await {
            tracing::debug!(%error, code = %error.code(), worker_id, "the worker stays in the list until its lease is over");
        }
    }
}
