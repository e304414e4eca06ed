//! A worker says that it is alive, on a connection and a thread of its own, so that no handler and no long exchange can
//! make it look dead. Liveness is judged by real time, whatever clock the rest works by.

use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use tasker_domain::code::Coded;
use tasker_postgres::ledger::{Beat, Ledger, WorkerId};
use tokio_util::sync::CancellationToken;

use super::holding::Holding;

/// How long the farewell to the database may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// How often a worker is heard of and how long it may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Time between two signs of life.
    pub every: Duration,
    /// Silence after which others take its steps over.
    pub lease: Duration,
}

impl Pulse {
    /// A worker's: 3 s and 15 s.
    pub const WORKER: Pulse = Pulse { every: Duration::from_secs(3), lease: Duration::from_secs(15) };
    /// `tasker run`'s: 1 s and 5 s, so that a killed one can soon be resumed.
    pub const RUN: Pulse = Pulse { every: Duration::from_secs(1), lease: Duration::from_secs(5) };
}

/// The heartbeat of one worker; ends when dropped.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Starts to beat. `lost` is cancelled when others have declared the worker lost; steps of `holding` are told to
    /// stop when their claim is not the worker's any more.
    pub(crate) fn start(
        ledger: &Ledger,
        worker: WorkerId,
        pulse: Pulse,
        holding: Holding,
        lost: CancellationToken,
    ) -> std::io::Result<Self> {
        let stop = CancellationToken::new();
        let options = (*ledger.pool().connect_options()).clone();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("tasker-heartbeat".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    tracing::error!(%error, "no heartbeat: the worker will be taken for dead after its lease");
                    return;
                }
            };
            runtime.block_on(async move {
                // One connection, made anew by the pool when it was lost.
                let pool =
                    PgPoolOptions::new().max_connections(1).acquire_timeout(pulse.every).connect_lazy_with(options);
                let ledger = Ledger::new(pool);
                while !stopped.is_cancelled() {
                    tokio::select! {
                        () = stopped.cancelled() => break,
                        () = real_time(pulse.every) => {}
                    }
                    // A database that does not answer must not keep the worker from ending.
                    let beat = tokio::select! {
                        () = stopped.cancelled() => break,
                        beat = async { ledger.heartbeat(worker, &holding.claims()).await } => beat,
                    };
                    match beat {
                        Ok(Beat { alive: true, voided }) => holding.signal(&voided),
                        Ok(Beat { alive: false, .. }) => {
                            lost.cancel();
                            break;
                        }
                        Err(error) => tracing::warn!(%error, code = %error.code(), worker, "a heartbeat did not reach the database"),
                    }
                }
                let closed = tokio::time::timeout(CLOSE_WITHIN, ledger.pool().close()).await;
                if closed.is_err() {
                    tracing::debug!("the heartbeat's connection was dropped without a farewell");
                }
            });
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stops beating and waits until the thread has ended.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // The thread only ends by itself; that it panicked has been reported by the panic itself.
            let _panicked = thread.join().is_err();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.end();
    }
}

#[expect(clippy::disallowed_methods, reason = "liveness is judged by real time, whatever clock the rest works by")]
async fn real_time(duration: Duration) {
    tokio::time::sleep(duration).await;
}
