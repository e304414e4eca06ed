//! Hearing that there may be something in the line. Nothing depends on it: a worker that hears nothing looks by itself.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};

/// The channel that exchanges notify when they leave something in the line and somebody sleeps.
pub(crate) const STEPS_CHANNEL: &str = "tasker_engine";

/// How long a lost connection is left alone before it is made again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Listens on a connection of its own until dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    task: JoinHandle<()>,
}

impl Listener {
    /// Starts to listen at a channel. `called` is notified for each message, and once whenever a connection was made: something may
    /// have been said before.
    pub(crate) fn start(pool: PgPool, channel: &'static str, called: Arc<Notify>) -> Self {
        let task = tokio::spawn(async move {
            let real = SystemClock::new();
            loop {
                if let Err(error) = listen(&pool, channel, &called).await {
                    tracing::debug!(%error, "not listening for a while; the worker looks by itself");
                }
                real.sleep(AGAIN_AFTER).await;
            }
        });
        Self { task }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(pool: &PgPool, channel: &str, called: &Notify) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    called.notify_one();
    loop {
        listener.recv().await?;
        called.notify_one();
    }
}
