//! The load figure (B-CON-041).

use serde::{Deserialize, Serialize};

use super::ExecutionLimits;

const TASK_WEIGHT: f64 = 0.3;
const STEP_WEIGHT: f64 = 0.7;
const LIGHT: f64 = 0.3;
const MEDIUM: f64 = 0.6;
/// The part of the span between fewest and most that is allowed under medium load.
const MEDIUM_SHARE: f64 = 0.6;

/// The counts of a system that the load follows from, as the original's health function has them: only what has a row of
/// history counts as pending there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// All tasks.
    pub total_tasks: i64,
    /// Tasks that are pending or in progress.
    pub open_tasks: i64,
    /// All steps.
    pub total_steps: i64,
    /// Steps that are pending or in progress.
    pub open_steps: i64,
}

impl Work {
    /// The load: open tasks of all tasks weigh 0.3, open steps of all steps 0.7. Each count is at least 1, so an empty
    /// system is fully loaded.
    pub fn load(&self) -> f64 {
        let share = |open: i64, total: i64| open.max(1) as f64 / total.max(1) as f64;
        TASK_WEIGHT * share(self.open_tasks, self.total_tasks) + STEP_WEIGHT * share(self.open_steps, self.total_steps)
    }

    /// How many steps at once the load allows: the most up to 0.3, the fewest and 60 percent of the span up to 0.6, one
    /// more than the fewest above.
    pub fn advice(&self, limits: &ExecutionLimits) -> u32 {
        let (least, most) = (limits.min_concurrent_steps, limits.max_concurrent_steps_limit);
        let load = self.load();
        if load <= LIGHT {
            most
        } else if load <= MEDIUM {
            let span = f64::from(most) - f64::from(least);
            (span * MEDIUM_SHARE + f64::from(least)).round() as u32
        } else {
            least.saturating_add(1)
        }
    }
}
