//! Those who are told: each with a queue of its own that has an end, and a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use super::Published;
use super::audience::Audience;
use super::interest::Interest;

/// Somebody who is told of events.
///
/// Called on a thread of its own, one event after the other: it may take its time. What it is too slow for is lost to
/// it, and counted; where it panics it loses the event that it panicked at.
pub trait Subscriber: Send + 'static {
    /// Takes note.
    fn receive(&mut self, event: &Published);
}

impl<F: FnMut(&Published) + Send + 'static> Subscriber for F {
    fn receive(&mut self, event: &Published) {
        self(event);
    }
}

/// How much may wait for a subscriber. What comes when it is full is lost to this subscriber, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Events; at least 1.
    pub events: usize,
    /// Bytes of their payloads, about. A single event that is larger is taken when nothing else waits.
    pub bytes: usize,
}

impl Default for Room {
    /// 10,000 events and 16 MiB.
    fn default() -> Self {
        Self { events: 10_000, bytes: 16 * 1024 * 1024 }
    }
}

/// What became of the events of one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Events that it has taken note of.
    pub delivered: u64,
    /// Events that it was too slow for.
    pub lost: u64,
    /// Events at which it panicked.
    pub panics: u64,
}

/// What waits in the queue of a subscriber.
pub(super) enum Message {
    Event {
        event: Arc<Published>,
        bytes: usize,
    },
    /// Dropped when its turn has come.
    Mark(#[expect(dead_code, reason = "who waits for the mark waits until it is dropped")] mpsc::Sender<()>),
}

/// The place of one subscriber.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) interest: Interest,
    room: Room,
    waiting_bytes: AtomicUsize,
    delivered: AtomicU64,
    lost: AtomicU64,
    panics: AtomicU64,
    pub(super) left: AtomicBool,
}

impl Seat {
    pub(super) fn new(interest: Interest, room: Room) -> Self {
        Self {
            interest,
            room,
            waiting_bytes: AtomicUsize::new(0),
            delivered: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// Puts an event into its queue if there is room; otherwise it is lost to it.
    pub(super) fn offer(&self, queue: &mpsc::Sender<Message>, event: &Arc<Published>, bytes: usize) {
        let waiting = self.waiting_bytes.load(Ordering::Relaxed);
        let fits = waiting == 0 || waiting.saturating_add(bytes) <= self.room.bytes;
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let taken = fits && queue.try_send(Message::Event { event: event.clone(), bytes }).is_ok();
        if taken {
            return;
        }
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if queue.is_closed() {
            self.left.store(true, Ordering::Relaxed);
            return;
        }
        self.lose(1);
    }

    pub(super) fn lose(&self, events: u64) {
        let before = self.lost.fetch_add(events, Ordering::Relaxed);
        let lost = before + events;
        // Told at the first, the second, the fourth … loss: a subscriber that is always too slow does not fill the log.
        if before == 0 || before.ilog2() != lost.ilog2() {
            tracing::warn!(lost, "a subscriber of events is too slow: events are lost to it");
        }
    }

    fn taken(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Tells the subscriber everything that comes into its queue, until nobody puts anything in any more.
    pub(super) fn serve(&self, mut queue: mpsc::Receiver<Message>, mut subscriber: impl Subscriber) {
        while let Some(message) = queue.blocking_recv() {
            if self.left.load(Ordering::Relaxed) {
                return;
            }
            let Message::Event { event, bytes } = message else { continue };
            let told = catch_unwind(AssertUnwindSafe(|| subscriber.receive(&event)));
            self.taken(bytes);
            match told {
                Ok(()) => {
                    self.delivered.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    self.panics.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(event = event.name(), "a subscriber of events panicked; it loses this event");
                }
            }
        }
    }

    fn delivery(&self) -> Delivery {
        Delivery {
            delivered: self.delivered.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
        }
    }
}

/// A subscriber that was added. Dropping this changes nothing: it is told on, until it is [ended](Self::end).
#[derive(Debug, Clone)]
pub struct Subscription {
    pub(super) seat: Arc<Seat>,
    pub(super) audience: Weak<Audience>,
}

impl Subscription {
    /// Ends it: the subscriber is told nothing more, not even what waits for it.
    pub fn end(&self) {
        self.seat.left.store(true, Ordering::Relaxed);
        if let Some(audience) = self.audience.upgrade() {
            audience.let_go();
        }
    }

    /// What became of its events so far.
    pub fn delivery(&self) -> Delivery {
        self.seat.delivery()
    }
}

/// Events for code that waits for them itself; ends when dropped.
pub struct EventStream {
    pub(super) seat: Arc<Seat>,
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) audience: Weak<Audience>,
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.seat.left.store(true, Ordering::Relaxed);
        if let Some(audience) = self.audience.upgrade() {
            audience.let_go();
        }
    }
}

impl EventStream {
    /// The next event; nothing once the engine is gone.
    pub async fn next(&mut self) -> Option<Arc<Published>> {
        loop {
            let Message::Event { event, bytes } = self.queue.recv().await? else { continue };
            self.seat.taken(bytes);
            self.seat.delivered.fetch_add(1, Ordering::Relaxed);
            return Some(event);
        }
    }

    /// What became of its events so far.
    pub fn delivery(&self) -> Delivery {
        self.seat.delivery()
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").field("seat", &self.seat).finish_non_exhaustive()
    }
}
