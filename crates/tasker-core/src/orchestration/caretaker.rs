//! What every worker does now and then for all: it takes over what silent workers hold.

use std::time::Duration;

use tasker_postgres::ledger::{Ledger, LedgerError};
use tokio::task::JoinHandle;

use super::take_over::take_over_from;
use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(3);

/// Looks after the work of others until dropped.
#[derive(Debug)]
pub(crate) struct Caretaker {
    task: JoinHandle<()>,
}

impl Caretaker {
    /// Starts to look, in real time, whatever clock the rest works by: leases pass in real time.
    pub(crate) fn start(ledger: Ledger, entropy: Entropy) -> Self {
        let task = tokio::spawn(async move {
            let real = SystemClock::new();
            loop {
                // Workers that were started together do not look together for long.
                real.sleep(EVERY.mul_f64(0.8 + 0.4 * entropy.fraction())).await;
                if let Err(error) = take_over_silent(&ledger, &entropy).await {
                    tracing::warn!(%error, "what silent workers hold could not be taken over; the next look tries again");
                }
            }
        });
        Self { task }
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take_over_silent(ledger: &Ledger, entropy: &Entropy) -> Result<(), LedgerError> {
    for holder in ledger.silent_workers().await? {
        tracing::info!(worker = holder.worker_id, name = holder.name, "a worker is silent; its steps are taken over");
        take_over_from(ledger, entropy, None, &holder).await?;
    }
    Ok(())
}
