//! In how many seconds the original looks at a task again.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::Situation;

/// The original's settings of these delays, in seconds (B-RTY-037, B-ORC-076).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReenqueueDelays {
    /// A step is ready.
    pub has_ready_steps: u32,
    /// Steps wait for others and none for an instant.
    pub waiting_for_dependencies: u32,
    /// Steps run.
    pub processing: u32,
    /// Everything else.
    pub otherwise: u32,
    /// What is added to the wait of a failed step.
    pub buffer: u32,
    /// Longest delay that follows from the waits of failed steps.
    pub longest: u32,
}

impl Default for ReenqueueDelays {
    fn default() -> Self {
        Self {
            has_ready_steps: 0,
            waiting_for_dependencies: 45,
            processing: 10,
            otherwise: 30,
            buffer: 5,
            longest: 300,
        }
    }
}

impl ReenqueueDelays {
    /// The delay in seconds of a task that stands so.
    ///
    /// `retries` are the instants (UTC) at which the failed steps that are not ready may be tried again, as the readiness
    /// function reports them (`next_retry_at`). Steps that may not be retried, or have no attempts left, take part too
    /// (B-ORC-077). The last of them counts, not the first (B-ORC-031). They are looked at for waiting tasks only.
    pub fn seconds(
        &self,
        standing: Situation,
        retries: impl IntoIterator<Item = NaiveDateTime>,
        now: NaiveDateTime,
    ) -> u32 {
        match standing {
            Situation::HasReadySteps => self.has_ready_steps,
            Situation::Processing => self.processing,
            Situation::WaitingForDependencies => {
                let Some(last) = retries.into_iter().max() else { return self.waiting_for_dependencies };
                let seconds = u32::try_from((last - now).num_seconds().max(0)).unwrap_or(u32::MAX);
                seconds.saturating_add(self.buffer).min(self.longest)
            }
            Situation::NoContext | Situation::AllComplete | Situation::BlockedByFailures | Situation::Unknown => {
                self.otherwise
            }
        }
    }
}
