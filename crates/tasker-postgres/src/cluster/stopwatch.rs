//! Time for what waits on other processes. No test moves this clock: a process that starts or ends does so in real time.

use std::time::{Duration, Instant};

/// How long something has taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "measures other processes, which no clock handle can move")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Seconds with one decimal, as notices show them.
    pub(super) fn seconds(&self) -> String {
        format!("{:.1} s", self.elapsed().as_secs_f64())
    }
}

/// Waits before looking again at a lock or a process, for which the system offers no event.
#[expect(clippy::disallowed_methods, reason = "polls other processes' locks, which no clock handle can move")]
pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// As [`pause`], for async code.
#[expect(clippy::disallowed_methods, reason = "polls another process, which no clock handle can move")]
pub(super) async fn pause_async(duration: Duration) {
    tokio::time::sleep(duration).await;
}
