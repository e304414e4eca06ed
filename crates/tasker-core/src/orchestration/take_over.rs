//! Taking over what a dead worker held.

use chrono::NaiveDateTime;
use tasker_domain::retry::AskedWait;
use tasker_domain::verdict::{self, FailedAttempt, Failure};
use tasker_postgres::ledger::{EXCHANGE_OUTCOMES, Exchange, Holder, Ledger, LedgerError, Settled, Settlement};

use super::attempt::settlement;
use crate::entropy::Entropy;
use crate::step_handler::Output;

/// Stands for the name of a worker that is not in the list any more.
pub(crate) const NAMELESS: &str = "unknown";

/// Settles every claim of a worker that has been silent for its lease: an abandoned attempt counts. Nothing
/// happens when it has been heard of meanwhile.
pub(crate) async fn take_over_from(
    ledger: &Ledger,
    entropy: &Entropy,
    now: Option<NaiveDateTime>,
    holder: &Holder,
) -> Result<(), LedgerError> {
    let worker = holder.worker_id;
    let name = match holder.name {
        Some(_) => ledger.declare_lost(worker).await?,
        None => Some(NAMELESS.to_owned()),
    };
    let Some(name) = name else {
        return Ok(());
    };
    let held = ledger.held_steps(worker).await?;
    let mut chance = || entropy.fraction();
    let outcomes: Vec<Settled> = held
        .iter()
        .map(|step| {
            if step.attempt == 0 {
                // Nothing was tried: the step is to be passed over, by whoever claims it next.
                let settlement = Settlement::HandBack { note: "handed_back" };
                return Settled { step_id: step.step_id, token: step.token, settlement };
            }
            let facts = FailedAttempt {
                attempt: step.attempt,
                attempts_allowed: step.attempts_allowed,
                failure: Failure::MayPass,
                asked: AskedWait::Nothing,
            };
            let error = serde_json::json!({
                "error": format!("the worker {name} was not heard of for its lease while it ran attempt {}", step.attempt),
                "error_class": "Tasker::Abandoned",
                "backtrace": "",
            });
            let verdict = verdict::after_failure(facts, Some(&mut chance));
            let settlement = settlement(verdict, Output::from(error).into_raw(), Some("abandoned"));
            Settled { step_id: step.step_id, token: step.token, settlement }
        })
        .collect();
    for batch in outcomes.chunks(EXCHANGE_OUTCOMES) {
        // Steps that are refused here have been settled by somebody else in the same moment; what others hold now is
        // left to the next who looks.
        ledger.exchange(&Exchange { outcomes: batch, now, ..Exchange::new(worker, &name) }).await?;
    }
    ledger.stop_worker(worker).await
}
