//! Everybody who is told, and what they want to be told of.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tasker_domain::json::Json;
use tokio::sync::mpsc;

use super::Published;
use super::moment::Moments;
use super::subscription::{Message, Seat};

/// A seat and the way to it.
#[derive(Debug)]
struct Place {
    seat: Arc<Seat>,
    queue: mpsc::Sender<Message>,
    /// Whether its queue is emptied without anybody's doing.
    served: bool,
}

/// All subscribers.
#[derive(Debug, Default)]
pub(super) struct Audience {
    places: Mutex<Vec<Place>>,
    wanted: AtomicU32,
    /// Whether anybody is there.
    attended: AtomicBool,
    /// Bytes of what waits to be made into events.
    pub(super) waiting: AtomicUsize,
    /// Events that were lost before they reached anybody's queue.
    lost: AtomicU64,
    numbers: AtomicU64,
}

impl Audience {
    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        // Nothing is left half done under this lock.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What of the engine's moments somebody wants to be told of.
    pub(super) fn wanted(&self) -> Moments {
        Moments::from_bits(self.wanted.load(Ordering::Relaxed))
    }

    pub(super) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self, seat: Arc<Seat>, queue: mpsc::Sender<Message>, served: bool) {
        let mut places = self.places();
        places.push(Place { seat, queue, served });
        self.count(&places);
    }

    /// Takes those away who have left.
    pub(super) fn let_go(&self) {
        let mut places = self.places();
        places.retain(|place| !place.seat.left.load(Ordering::Relaxed));
        self.count(&places);
    }

    fn count(&self, places: &[Place]) {
        let bits = places.iter().fold(0, |bits, place| bits | place.seat.interest.moments().bits());
        self.wanted.store(bits, Ordering::Relaxed);
        self.attended.store(!places.is_empty(), Ordering::Relaxed);
    }

    /// Offers an event to everybody who wants it, under the next number.
    pub(super) fn publish(&self, name: impl Into<Cow<'static, str>>, word: Option<&str>, payload: Json) {
        let bytes = 128 + rough_size(&payload);
        let left = {
            // Under the lock, so that everybody gets the numbers in order.
            let places = self.places();
            let sequence = 1 + self.numbers.fetch_add(1, Ordering::Relaxed);
            let event = Arc::new(Published::new(name, sequence, word.map(str::to_owned), payload));
            for place in places.iter().filter(|place| place.seat.interest.is_in(event.name())) {
                place.seat.offer(&place.queue, &event, bytes);
            }
            places.iter().any(|place| place.seat.left.load(Ordering::Relaxed))
        };
        if left {
            self.let_go();
        }
    }

    /// Counts events that nobody gets.
    pub(super) fn lose(&self, events: u64, why: &str) {
        let before = self.lost.fetch_add(events, Ordering::Relaxed);
        let lost = before + events;
        if before == 0 || before.ilog2() != lost.ilog2() {
            tracing::warn!(lost, why, "events are lost before they reach a subscriber");
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The ways to the queues that are emptied without anybody's doing.
    pub(super) fn queues(&self) -> Vec<mpsc::Sender<Message>> {
        self.places().iter().filter(|place| place.served).map(|place| place.queue.clone()).collect()
    }
}

/// About how many bytes a value takes as text.
fn rough_size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 4,
        Json::Number(text) | Json::String(text) => 2 + text.len(),
        Json::Array(elements) => 2 + elements.iter().map(|element| 1 + rough_size(element)).sum::<usize>(),
        Json::Object(members) => {
            2 + members.iter().map(|(key, value)| 4 + key.len() + rough_size(value)).sum::<usize>()
        }
    }
}
