//! Counting the statements that are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

struct Counting(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// How many statements the future sends from the thread that polls it.
pub(crate) fn sent_by<F: Future>(runtime: &tokio::runtime::Runtime, future: F) -> (F::Output, usize) {
    let seen = Arc::new(AtomicUsize::new(0));
    let subscriber = tracing_subscriber::registry().with(Counting(Arc::clone(&seen)));
    let output = tracing::subscriber::with_default(subscriber, || runtime.block_on(future));
    (output, seen.load(Ordering::SeqCst))
}
