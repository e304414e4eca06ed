//! Growing waits as the original configures and computes them.

use serde::{Deserialize, Serialize};

use super::fraction;

/// Settings of growing waits, with the original's names and defaults (B-RTY-001 to B-RTY-017).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The waits of the first attempts, in seconds.
    pub default_backoff_seconds: Vec<u32>,
    /// Longest wait, in seconds.
    pub max_backoff_seconds: u32,
    /// Beyond the table the wait is the number of the attempt raised to this power.
    pub backoff_multiplier: f64,
    /// Whether chance has a part.
    pub jitter_enabled: bool,
    /// By how much chance moves a wait, up or down, as a share of it.
    pub jitter_max_percentage: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            default_backoff_seconds: TABLE.seconds.to_vec(),
            max_backoff_seconds: TABLE.longest,
            backoff_multiplier: TABLE.exponent,
            jitter_enabled: true,
            jitter_max_percentage: TABLE.share,
        }
    }
}

/// The original's defaults.
pub(super) const TABLE: Table<'static> =
    Table { seconds: &[1, 2, 4, 8, 16, 32], longest: 300, exponent: 2.0, share: 0.1 };

/// Growing waits, borrowed.
pub(super) struct Table<'a> {
    seconds: &'a [u32],
    longest: u32,
    exponent: f64,
    share: f64,
}

impl Table<'_> {
    /// The wait of an attempt, numbered from 1, without chance.
    pub(super) fn base(&self, attempt: u32) -> u32 {
        let Some(place) = attempt.checked_sub(1) else { return 0 };
        let listed = usize::try_from(place).ok().and_then(|place| self.seconds.get(place)).copied();
        // A number that is too large, or none at all, becomes the nearest whole one.
        listed.unwrap_or_else(|| f64::from(attempt).powf(self.exponent) as u32).min(self.longest)
    }

    /// By how many seconds chance moves a wait at most.
    fn reach(&self, base: u32) -> u32 {
        (f64::from(base) * self.share).round() as u32
    }

    /// The wait moved by chance, a number from 0 to 1: each of the whole seconds within its reach is as likely as the
    /// others. Never less than a second; it may exceed the longest wait.
    pub(super) fn moved(&self, base: u32, chance: f64) -> u32 {
        let reach = u64::from(self.reach(base));
        let places = 2 * reach + 1;
        let place = ((fraction(chance) * places as f64) as u64).min(places - 1);
        let seconds = (u64::from(base) + place).saturating_sub(reach).max(1);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    pub(super) fn longest(&self) -> u32 {
        self.longest
    }
}

impl Backoff {
    fn table(&self) -> Table<'_> {
        Table {
            seconds: &self.default_backoff_seconds,
            longest: self.max_backoff_seconds,
            exponent: self.backoff_multiplier,
            share: self.jitter_max_percentage,
        }
    }

    /// The wait in seconds of an attempt, numbered from 1, before chance: from the table, beyond it the number of the
    /// attempt raised to the power, at most the longest wait (B-RTY-018 to B-RTY-027). 0 for attempt 0.
    pub fn base(&self, attempt: u32) -> u32 {
        self.table().base(attempt)
    }

    /// By how many seconds chance moves a wait at most: its share, rounded; none where jitter is off.
    pub fn reach(&self, base: u32) -> u32 {
        if self.jitter_enabled { self.table().reach(base) } else { 0 }
    }

    /// The wait in seconds of an attempt, numbered from 1, as the original has it: chance, a number from 0 to 1, moves it
    /// after the cap, so that it may exceed it (B-RTY-036).
    pub fn delay(&self, attempt: u32, chance: f64) -> u32 {
        let base = self.base(attempt);
        if self.jitter_enabled && attempt > 0 { self.table().moved(base, chance) } else { base }
    }

    /// What the original writes as `backoff_request_seconds` of an API step whose request failed (B-RTY-050, B-RTY-052).
    ///
    /// `recorded_attempts` are those of the row, the failed one not among them. `retry_after` is what the server asked for
    /// in seconds, which wins. `grows` is the step's `enable_exponential_backoff`.
    pub fn request(&self, recorded_attempts: u32, retry_after: Option<u64>, grows: bool, chance: f64) -> Request {
        if let Some(asked) = retry_after {
            let seconds = u32::try_from(asked).unwrap_or(u32::MAX).min(self.max_backoff_seconds);
            return Request::Server { seconds };
        }
        if !grows {
            return Request::Nothing;
        }
        let attempt = recorded_attempts.saturating_add(1);
        // Half the first entry is the least; the column cuts off its fraction.
        let least = self.default_backoff_seconds.first().map_or(0, |first| first / 2);
        Request::Growing { seconds: self.delay(attempt, chance).max(least), attempt }
    }
}

/// A wait that an API step asks for in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backoff_type", rename_all = "snake_case")]
pub enum Request {
    /// The server asked for it.
    #[serde(rename = "server_requested")]
    Server {
        /// The wait.
        seconds: u32,
    },
    /// It grows with the number of the attempt.
    #[serde(rename = "exponential")]
    Growing {
        /// The wait.
        seconds: u32,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// None.
    #[serde(rename = "none")]
    Nothing,
}

impl Request {
    /// The row's `backoff_request_seconds`.
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::Server { seconds } | Self::Growing { seconds, .. } => Some(seconds),
            Self::Nothing => None,
        }
    }
}
