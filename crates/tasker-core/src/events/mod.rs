//! Events: who subscribes is told what happens to tasks and steps, after the commit that made it true.
//!
//! The names and their payloads are the catalogue's ([`tasker_domain::event`]). Rows are the truth: events live in this
//! process only, each is told at most once, and a process that dies takes along what it had not told yet (R-50, R-51).
//!
//! ```
//! use tasker_core::events::Published;
//! # async fn example(tasker: tasker_core::Tasker) -> Result<(), Box<dyn std::error::Error>> {
//! let failures = tasker.events().subscribe(&["step.failed", "task.failed"], |event: &Published| {
//!     eprintln!("{} {}", event.name(), event.payload());
//! })?;
//! // … work …
//! tasker.events().flush().await;
//! println!("{:?}", failures.delivery());
//! # Ok(())
//! # }
//! ```

mod audience;
mod facts;
mod interest;
mod moment;
mod payload;
mod published;
mod subscription;
mod teller;
mod telling;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tasker_domain::json::Json;
use tasker_postgres::ledger::{Ledger, Reply};
use tokio::sync::mpsc;

use audience::Audience;
pub(crate) use facts::{Commit, Fact, Group, How, SettledStep, TakenSteps, Then, ToldStep};
pub use interest::{Interest, UnknownEvent};
pub(crate) use moment::{Moment, Moments};
pub use published::Published;
pub use subscription::{Delivery, EventStream, Room, Subscriber, Subscription};
use subscription::{Message, Seat};
use teller::{Item, Teller};
pub(crate) use telling::{Telling, Told};

/// How many commits may wait to be made into events.
const LINE: usize = 4_096;

/// How many bytes of them may wait; a single larger one is taken when nothing else waits.
const LINE_BYTES: usize = 64 * 1024 * 1024;

/// Where events are published and subscribed to: one for each [`Tasker`](crate::Tasker) and its clones. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    audience: Arc<Audience>,
    /// To the task that makes events; started with the first commit that somebody wants to hear of.
    line: Mutex<Option<mpsc::Sender<Item>>>,
}

/// Why nobody can be subscribed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// There is no event of a name that was given.
    #[error(transparent)]
    Unknown(#[from] UnknownEvent),
    /// The subscriber's thread could not be started.
    #[error("the thread of a subscriber cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Why an event of one's own cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no event of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownEvent),
    /// The payload is no JSON object.
    #[error("the payload of an event is a JSON object, not {0}")]
    NoObject(&'static str),
}

impl Events {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { inner: Arc::new(Inner { ledger, audience: Arc::default(), line: Mutex::default() }) }
    }

    /// Tells a subscriber of the events of these names; see [`Interest::in_events`] for what may be given. It is told what
    /// is committed from now on.
    ///
    /// # Errors
    /// [`SubscribeError`]: an unknown name, or no thread.
    pub fn subscribe(
        &self,
        names: &[impl AsRef<str>],
        subscriber: impl Subscriber,
    ) -> Result<Subscription, SubscribeError> {
        self.subscribe_within(Interest::in_events(names)?, Room::default(), subscriber)
    }

    /// As [`subscribe`](Self::subscribe), with so much room for what waits for it.
    ///
    /// # Errors
    /// [`SubscribeError::Thread`].
    pub fn subscribe_within(
        &self,
        interest: Interest,
        room: Room,
        subscriber: impl Subscriber,
    ) -> Result<Subscription, SubscribeError> {
        let (sender, receiver) = mpsc::channel(room.events.max(1));
        let seat = Arc::new(Seat::new(interest, room));
        let own = seat.clone();
        std::thread::Builder::new()
            .name("tasker-events".to_owned())
            .spawn(move || own.serve(receiver, subscriber))
            .map_err(SubscribeError::Thread)?;
        self.inner.audience.join(seat.clone(), sender, true);
        Ok(Subscription { seat, audience: Arc::downgrade(&self.inner.audience) })
    }

    /// The events of an interest, for code that waits for them itself. What is not taken out in time is lost to it, and
    /// counted.
    pub fn stream(&self, interest: Interest, room: Room) -> EventStream {
        let (sender, queue) = mpsc::channel(room.events.max(1));
        let seat = Arc::new(Seat::new(interest, room));
        self.inner.audience.join(seat.clone(), sender, false);
        EventStream { seat, queue, audience: Arc::downgrade(&self.inner.audience) }
    }

    /// Publishes an event of one's own, such as `order.fulfilled`, or one of the catalogue in the engine's stead. Nothing
    /// happens where nobody wants to be told.
    ///
    /// # Errors
    /// [`PublishError`]: an unknown name in a namespace of the engine, or a payload that is no object.
    pub fn publish(&self, name: &str, payload: Json) -> Result<(), PublishError> {
        interest::check_name(name)?;
        if payload.as_object().is_none() {
            return Err(PublishError::NoObject(payload.kind()));
        }
        if self.inner.audience.is_attended() {
            self.inner.audience.publish(name.to_owned(), None, payload);
        }
        Ok(())
    }

    /// Waits until everything that was handed over before has been told, or lost, to every subscriber, and put into every
    /// stream: as long as the slowest subscriber takes. Something to do before the process ends.
    pub async fn flush(&self) {
        let line = self.line().clone();
        let (mark, mut told) = mpsc::channel(1);
        let handed_over = match line {
            Some(line) => line.send(Item::Flush(mark.clone())).await.is_ok(),
            None => false,
        };
        if !handed_over {
            mark_all(&self.inner.audience, &mark);
        }
        drop(mark);
        while told.recv().await.is_some() {}
    }

    /// Events that were lost before they reached anybody's queue: more happened at once than could be kept, or the
    /// database did not say what a payload needs. What a single subscriber lost stands with its subscription.
    pub fn lost(&self) -> u64 {
        self.inner.audience.lost()
    }

    /// What somebody wants to be told of. Nothing has to be prepared for the rest.
    pub(crate) fn wanted(&self) -> Moments {
        self.inner.audience.wanted()
    }

    /// Hands over that tasks were created outside of any worker.
    pub(crate) fn tell_created(&self, reply: &Reply) {
        if !self.wanted().has(Moment::Enqueued) {
            return;
        }
        let new = reply.created.iter().filter(|task| task.created);
        let facts: Vec<Fact> = new.map(|task| Fact::Created { task_id: task.task_id }).collect();
        if !facts.is_empty() {
            let bytes = facts.len() * std::mem::size_of::<Fact>();
            self.hand_over(Commit { instant: reply.instant, correlation_id: None, facts, bytes });
        }
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Item>>> {
        // Nothing is left half done under this lock.
        self.inner.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what a commit made true; never waits.
    pub(crate) fn hand_over(&self, commit: Commit) {
        let audience = &self.inner.audience;
        let (facts, bytes) = (commit.facts.len() as u64, commit.bytes);
        let waiting = audience.waiting.load(Ordering::Relaxed);
        if waiting > 0 && waiting.saturating_add(bytes) > LINE_BYTES {
            return audience.lose(facts, "too many bytes wait");
        }
        audience.waiting.fetch_add(bytes, Ordering::Relaxed);
        let mut line = self.line();
        // Where the runtime that it ran on is gone, another is started.
        let sender = match &*line {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let (sender, receiver) = mpsc::channel(LINE);
                audience.waiting.store(bytes, Ordering::Relaxed);
                tokio::spawn(Teller::new(self.inner.ledger.clone(), audience.clone()).tell_all(receiver));
                line.insert(sender)
            }
        };
        if sender.try_send(Item::Commit(commit)).is_err() {
            audience.waiting.fetch_sub(bytes, Ordering::Relaxed);
            audience.lose(facts, "too many commits wait");
        }
    }
}

/// Puts a mark behind everything that waits for each subscriber; it is dropped when its turn has come.
fn mark_all(audience: &Audience, mark: &mpsc::Sender<()>) {
    for queue in audience.queues() {
        let mark = mark.clone();
        // Where the queue is full the mark waits, and nobody else waits with it.
        tokio::spawn(async move {
            let _left_meanwhile = queue.send(Message::Mark(mark)).await.is_err();
        });
    }
}
