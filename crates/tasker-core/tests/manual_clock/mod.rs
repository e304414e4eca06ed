//! A clock that a test moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use tasker_core::clock::Clock;
use tokio::sync::watch;

/// Stands still until the test moves it; remembers who waits for how long.
#[derive(Debug)]
pub(crate) struct ManualClock {
    elapsed: watch::Sender<Duration>,
    waits: watch::Sender<Vec<Duration>>,
}

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { elapsed: watch::Sender::new(Duration::ZERO), waits: watch::Sender::new(Vec::new()) })
    }

    /// Returns once somebody has begun to wait for this long.
    pub(crate) async fn somebody_waits(&self, duration: Duration) {
        let mut waits = self.waits.subscribe();
        waits.wait_for(|begun| begun.contains(&duration)).await.unwrap();
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += duration);
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let target = *self.elapsed.borrow() + duration;
        let mut elapsed = self.elapsed.subscribe();
        self.waits.send_modify(|begun| begun.push(duration));
        Box::pin(async move {
            elapsed.wait_for(|now| *now >= target).await.unwrap();
        })
    }

    fn wall_time(&self) -> NaiveDateTime {
        let start = NaiveDate::from_ymd_opt(2025, 7, 1).unwrap().and_hms_opt(12, 0, 0).unwrap();
        start + *self.elapsed.borrow()
    }
}
