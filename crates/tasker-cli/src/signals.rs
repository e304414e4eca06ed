//! Signals by which a program is told to end.

#[cfg(unix)]
use tokio::signal::unix::{self, Signal, SignalKind};

use crate::failure::{ExitStatus, Failure};

/// Requests to end, one after the other: Ctrl-C, a request to terminate, a terminal that hangs up.
pub(crate) struct Requests {
    #[cfg(unix)]
    signals: [Signal; 3],
}

impl Requests {
    /// From now on none is lost.
    pub(crate) fn listen() -> Result<Self, Failure> {
        #[cfg(unix)]
        {
            let one = |kind| {
                unix::signal(kind).map_err(|error| {
                    Failure::new(ExitStatus::Unavailable, format!("signals cannot be listened to: {error}"))
                })
            };
            let signals = [one(SignalKind::interrupt())?, one(SignalKind::terminate())?, one(SignalKind::hangup())?];
            Ok(Self { signals })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate, hangup] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals the program is ended from outside; nothing to wait for.
            std::future::pending::<()>().await;
        }
    }
}
