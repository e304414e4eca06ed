//! Time through a handle: a test moves it, production waits.
//!
//! No instant of this clock enters a row: those are the database's. With a clock that a test moves, the engine
//! hands the clock's instant to the database as well ([`Clock::record_time`]).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::NaiveDateTime;

/// Where waiting and durations come from.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Time since this clock was made; never goes back.
    fn elapsed(&self) -> Duration;

    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Waits for a limit to pass: as [`sleep`](Self::sleep), but no reason for a moved clock to move.
    fn deadline(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep(duration)
    }

    /// Waits while nothing is to be done: until `next` has passed, for ever where there is no such time. `running` says
    /// how many handlers are at work; a moved clock jumps ahead once all of them sleep.
    fn idle(&self, next: Option<Duration>, running: usize) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let _ = running;
        match next {
            Some(duration) => self.sleep(duration),
            None => Box::pin(std::future::pending()),
        }
    }

    /// The instant (UTC) that rows are to carry, or nothing where the database's own clock decides.
    fn record_time(&self) -> Option<NaiveDateTime> {
        None
    }

    /// The present instant (UTC), for what never enters a row: reading an HTTP date, say.
    fn wall_time(&self) -> NaiveDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the handle that everything else is told to use")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the handle that everything else is told to use")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the handle that everything else is told to use")]
    fn wall_time(&self) -> NaiveDateTime {
        chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).naive_utc()
    }
}
