//! What both programs have in common: what a handler leaves, what a task is asked for with, and what a round is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tasker_core::clock::Clock;

use super::meter::Spent;

/// The context of a task, with as many further letters as it takes to have this many bytes; 39 at least.
pub(super) fn context(bytes: usize) -> String {
    const START: &str = r#"{"order_id": 4711, "customer": "bench"#;
    const END: &str = r#""}"#;
    format!("{START}{}{END}", "h".repeat(bytes.saturating_sub(START.len() + END.len())))
}

/// About 100 bytes.
const RESULTS: &str =
    r#"{"status": "done", "amount": 129.95, "currency": "EUR", "reference": "b7e23ec29af22b0b4e41da31e868d572"}"#;

/// What a handler does: nothing, or it sleeps.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sleep: Option<Duration>,
    results: Box<RawValue>,
}

impl Work {
    pub(super) fn new(clock: Arc<dyn Clock>, sleep: Option<Duration>) -> Result<Self, serde_json::Error> {
        Ok(Self { clock, sleep, results: RawValue::from_string(RESULTS.to_owned())? })
    }

    pub(super) async fn carry_out(&self) -> Box<RawValue> {
        if let Some(time) = self.sleep {
            self.clock.sleep(time).await;
        }
        self.results.clone()
    }
}

/// A measured round.
#[derive(Debug)]
pub(super) struct Round {
    /// Steps that were carried out.
    pub(super) steps: usize,
    /// From the first request to the last end.
    pub(super) elapsed: Duration,
    /// From the request of each task to its end.
    pub(super) latencies: Vec<Duration>,
    /// What it cost.
    pub(super) spent: Spent,
}

impl Round {
    pub(super) fn steps_per_second(&self) -> f64 {
        self.steps as f64 / self.elapsed.as_secs_f64()
    }

    pub(super) fn tasks_per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}
