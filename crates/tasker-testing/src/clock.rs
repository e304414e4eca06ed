//! A clock that is moved, not waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::NaiveDateTime;
use tasker_core::clock::Clock;
use tokio::sync::Notify;

/// Stands still until somebody sleeps and nothing else is to be done; then it jumps to the next instant that somebody
/// waits for. Three days of retries pass in milliseconds, in the right order, and the rows carry the clock's instants.
///
/// Limits ([`Clock::deadline`]) pass only when the clock moves for another reason.
#[derive(Debug, Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    start: NaiveDateTime,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    /// When each handler that sleeps wakes.
    sleepers: Vec<Duration>,
}

impl ManualClock {
    /// A clock whose rows begin at this instant (UTC).
    pub fn starting_at(start: NaiveDateTime) -> Self {
        Self { shared: Arc::new(Shared { start, state: Mutex::default(), changed: Notify::new() }) }
    }

    /// Moves the clock on.
    pub fn advance(&self, duration: Duration) {
        self.state().elapsed += duration;
        self.shared.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance_to(&self, instant: Duration) {
        let mut state = self.state();
        state.elapsed = state.elapsed.max(instant);
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Waits until the clock has been moved to this instant.
    async fn reach(&self, instant: Duration) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.state().elapsed >= instant {
                return;
            }
            changed.await;
        }
    }
}

impl Default for ManualClock {
    /// A clock whose rows begin on the first day of 2026.
    fn default() -> Self {
        let start = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        Self::starting_at(start.expect("the first of January is a day"))
    }
}

/// Takes its sleeper off the list also when the sleep is dropped.
struct Sleeping<'a> {
    clock: &'a ManualClock,
    until: Duration,
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.state();
        if let Some(place) = state.sleepers.iter().position(|&until| until == self.until) {
            state.sleepers.swap_remove(place);
        }
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let until = {
                let mut state = self.state();
                let until = state.elapsed + duration;
                state.sleepers.push(until);
                until
            };
            let sleeping = Sleeping { clock: self, until };
            self.shared.changed.notify_waiters();
            self.reach(until).await;
            drop(sleeping);
        })
    }

    fn deadline(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = self.elapsed() + duration;
        Box::pin(self.reach(until))
    }

    fn idle(&self, next: Option<Duration>, running: usize) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let due = next.map(|duration| self.elapsed() + duration);
        Box::pin(async move {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let earliest = {
                    let state = self.state();
                    if due.is_some_and(|due| state.elapsed >= due) {
                        return;
                    }
                    // Only when every handler sleeps has nobody anything to do at this instant.
                    let sleepers = (running == state.sleepers.len()).then(|| state.sleepers.iter().min().copied());
                    sleepers.map(|first| first.into_iter().chain(due).min())
                };
                match earliest {
                    Some(Some(instant)) => self.advance_to(instant),
                    _ => changed.await,
                }
                // Whoever woke now runs; this future is dropped when one of them ends.
                tokio::task::yield_now().await;
            }
        })
    }

    fn record_time(&self) -> Option<NaiveDateTime> {
        Some(self.wall_time())
    }

    fn wall_time(&self) -> NaiveDateTime {
        let elapsed = chrono::TimeDelta::from_std(self.elapsed()).unwrap_or(chrono::TimeDelta::MAX);
        self.shared.start.checked_add_signed(elapsed).unwrap_or(NaiveDateTime::MAX)
    }
}
