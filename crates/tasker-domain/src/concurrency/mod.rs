//! How many steps the original would run at once: from the load of its database and the pressure on its pool of connections.
//!
//! Nothing here decides what our worker does. It runs as many steps at once as it was told to, each as soon as its parents
//! have ended, and needs no connection per step. Reports about health and diagnostics show these figures, because people who
//! come from the original know them.
//!
//! ```
//! use tasker_domain::concurrency::{ExecutionLimits, Pool, Work, allowed};
//! let work = Work { total_tasks: 10, open_tasks: 1, total_steps: 100, open_steps: 15 };
//! let pool = Pool { size: 20, busy: 9, available: Some(11) };
//! let limits = ExecutionLimits::default();
//! assert_eq!(allowed(Some(&work), Some(&pool), &limits), 8);
//! ```

mod load;
mod pool;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use load::Work;
pub use pool::{Assessment, Pool, PoolHealth, Pressure, PressureFactors};

/// Allowance where nothing better is known (B-CON-053).
pub const EMERGENCY: u32 = 3;

/// Most that the free connections of a pool can recommend.
pub const POOL_CEILING: u32 = 12;

/// The part of the free connections that is safe to use.
pub const SAFE_SHARE: f64 = 0.6;

/// The original's settings, with its names, defaults and units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutionLimits {
    /// Fewest steps at once.
    pub min_concurrent_steps: u32,
    /// Most steps at once.
    pub max_concurrent_steps_limit: u32,
    /// The part of the free connections that is recommended, by pressure.
    pub connection_pressure_factors: PressureFactors,
    /// Time that every batch gets, in seconds.
    pub batch_timeout_base_seconds: u32,
    /// Time that a batch gets for each of its steps, in seconds.
    pub batch_timeout_per_step_seconds: u32,
    /// Most time that a batch gets, in seconds.
    pub max_batch_timeout_seconds: u32,
}

impl Default for ExecutionLimits {
    fn default() -> Self {
        Self {
            min_concurrent_steps: 3,
            max_concurrent_steps_limit: POOL_CEILING,
            connection_pressure_factors: PressureFactors::default(),
            batch_timeout_base_seconds: 30,
            batch_timeout_per_step_seconds: 5,
            max_batch_timeout_seconds: 120,
        }
    }
}

impl ExecutionLimits {
    /// A number of steps brought between the fewest and the most; the fewest win where the two are the wrong way round.
    fn bound(&self, steps: u32) -> u32 {
        steps.min(self.max_concurrent_steps_limit).max(self.min_concurrent_steps)
    }

    /// How long the original waits for each step of a batch (B-CON-017 to B-CON-019).
    pub fn batch_timeout(&self, steps: u32) -> Duration {
        let seconds = u64::from(self.batch_timeout_base_seconds)
            + u64::from(steps) * u64::from(self.batch_timeout_per_step_seconds);
        Duration::from_secs(seconds.min(u64::from(self.max_batch_timeout_seconds)))
    }
}

/// How many steps the original would run at once (B-CON-001 to B-CON-012).
///
/// `work` is nothing where the figures cannot be read: then the pool alone counts. `pool` is nothing where there is none:
/// then it advises [`EMERGENCY`].
pub fn allowed(work: Option<&Work>, pool: Option<&Pool>, limits: &ExecutionLimits) -> u32 {
    let by_pool = pool.map_or(EMERGENCY, |pool| pool.advice(limits));
    match work {
        Some(work) => limits.bound(by_pool.min(work.advice(limits))),
        None => by_pool,
    }
}
