//! What every queue has to keep: one suite for all that implement [`Queue`] and [`Consumer`].
//!
//! A framework's queue that is to be judged gets a [`Consumer`] in its tests, which takes jobs out of it as the framework
//! would, and a [`Subject`] that makes an empty one. The macro then writes one test for each case:
//!
//! ```
//! use std::sync::Arc;
//! use tasker_core::clock::Clock;
//! use tasker_core::queue::InProcessQueue;
//! use tasker_testing::queue_conformance::Subject;
//!
//! struct InMemory(InProcessQueue);
//!
//! impl Subject for InMemory {
//!     type Queue = InProcessQueue;
//!
//!     async fn begin(clock: Arc<dyn Clock>) -> Self {
//!         Self(InProcessQueue::new(clock, 100_000))
//!     }
//!
//!     fn queue(&self) -> InProcessQueue {
//!         self.0.clone()
//!     }
//! }
//!
//! mod in_memory {
//!     tasker_testing::queue_conformance!(super::InMemory);
//! }
//! # fn main() {}
//! ```
//!
//! Nothing sleeps: time passes when a case moves the clock.

mod crowds;
mod keys;
mod leases;
mod order;
mod words;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tasker_core::clock::Clock;
use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Delivery, Due, Enqueued, Job, Queue};

use crate::ManualClock;

pub use crowds::{
    eight_consumers_share_four_hundred_jobs, eight_producers_of_one_key_make_one_job,
    no_wake_up_is_lost_between_taking_and_enqueuing, ten_thousand_jobs_come_once_and_in_order,
};
pub use keys::{
    a_key_is_free_as_soon_as_its_job_is_taken, a_key_of_another_task_is_refused, jobs_without_a_key_stand_side_by_side,
    one_job_of_a_key_waits, the_earlier_instant_wins, the_higher_priority_wins,
    the_same_key_in_another_queue_is_another,
};
pub use leases::{
    a_job_that_is_put_back_waits_for_its_time, an_abandoned_job_keeps_its_place, leases_that_are_renewed_go_on,
    what_a_dead_consumer_had_comes_back, what_comes_back_joins_what_came_meanwhile,
    what_comes_back_to_a_key_of_another_task_stays_beside_it,
};
pub use order::{
    a_clock_that_steps_loses_nothing, a_point_of_priority_is_worth_a_minute, an_instant_that_has_passed_is_now,
    nothing_comes_before_its_time, the_earliest_comes_first, the_far_future_is_far, what_is_due_is_taken_once,
    who_waits_finds_what_comes,
};
pub use words::{
    answers_stand_in_the_order_of_the_jobs, queues_are_apart, words_arrive_as_they_were,
    words_that_no_queue_can_carry_are_refused,
};

/// How a queue is made for a case.
pub trait Subject: Sized + Send + Sync + 'static {
    /// What is judged.
    type Queue: Consumer + 'static;

    /// An empty queue, with room for 20,000 jobs, whose instants and leases go by this clock: by
    /// [`Clock::record_time`] or by [`Clock::elapsed`] and [`Clock::wall_time`].
    fn begin(clock: Arc<dyn Clock>) -> impl Future<Output = Self> + Send;

    /// Another handle of the same queue, such as another process would have.
    fn queue(&self) -> Self::Queue;

    /// Cleans up.
    fn end(self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Writes one test for each case of the suite, for a [`Subject`](crate::queue_conformance::Subject).
#[macro_export]
macro_rules! queue_conformance {
    ($subject:ty) => {
        $crate::queue_conformance!($subject:
            what_is_due_is_taken_once
            nothing_comes_before_its_time
            an_instant_that_has_passed_is_now
            the_far_future_is_far
            the_earliest_comes_first
            a_point_of_priority_is_worth_a_minute
            a_clock_that_steps_loses_nothing
            who_waits_finds_what_comes
            one_job_of_a_key_waits
            the_earlier_instant_wins
            the_higher_priority_wins
            the_same_key_in_another_queue_is_another
            jobs_without_a_key_stand_side_by_side
            a_key_is_free_as_soon_as_its_job_is_taken
            a_key_of_another_task_is_refused
            a_job_that_is_put_back_waits_for_its_time
            what_a_dead_consumer_had_comes_back
            an_abandoned_job_keeps_its_place
            leases_that_are_renewed_go_on
            what_comes_back_joins_what_came_meanwhile
            what_comes_back_to_a_key_of_another_task_stays_beside_it
            queues_are_apart
            words_arrive_as_they_were
            words_that_no_queue_can_carry_are_refused
            answers_stand_in_the_order_of_the_jobs
            eight_producers_of_one_key_make_one_job
            eight_consumers_share_four_hundred_jobs
            no_wake_up_is_lost_between_taking_and_enqueuing
            ten_thousand_jobs_come_once_and_in_order
        );
    };
    ($subject:ty: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::queue_conformance::judge::<$subject, _>(|bench| ::std::boxed::Box::pin($crate::queue_conformance::$case(bench))).await;
            }
        )*
    };
}

/// Runs one case on a queue of its own.
pub async fn judge<S, C>(case: C)
where
    S: Subject,
    C: for<'a> FnOnce(&'a Bench<S>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
{
    let clock = Arc::new(SteppedClock { manual: ManualClock::default(), step: Mutex::new(TimeDelta::zero()) });
    let subject = S::begin(clock.clone()).await;
    let bench = Bench { subject, clock };
    case(&bench).await;
    bench.subject.end().await;
}

/// A queue, the clock it goes by, and what cases say again and again.
#[derive(Debug)]
pub struct Bench<S> {
    subject: S,
    clock: Arc<SteppedClock>,
}

impl<S: Subject> Bench<S> {
    fn queue(&self) -> S::Queue {
        self.subject.queue()
    }

    async fn enqueue(&self, job: Job, due: Due) -> Enqueued {
        self.queue().enqueue(job, due).await.unwrap_or_else(|error| panic!("a job was not taken in: {error}"))
    }

    /// Everything that is due in the queue that jobs stand in unless they say otherwise.
    async fn take(&self) -> Vec<Delivery> {
        self.take_from(&[DEFAULT_QUEUE], 1000).await
    }

    async fn take_from(&self, queues: &[&str], most: usize) -> Vec<Delivery> {
        let queues: Vec<String> = queues.iter().map(|queue| (*queue).to_owned()).collect();
        self.queue().take(&queues, most).await.unwrap_or_else(|error| panic!("no jobs were handed out: {error}"))
    }

    /// The tasks of everything that is due.
    async fn tasks(&self) -> Vec<i64> {
        self.take().await.iter().map(|delivery| delivery.job.task_id).collect()
    }

    /// The one job that is due.
    async fn one(&self) -> Delivery {
        let mut due = self.take().await;
        assert_eq!(due.len(), 1, "one job is due: {due:?}");
        due.remove(0)
    }

    async fn acknowledge(&self, delivery: &Delivery) -> bool {
        self.queue()
            .acknowledge(delivery)
            .await
            .unwrap_or_else(|error| panic!("{delivery:?} was not struck off: {error}"))
    }

    async fn put_back(&self, delivery: &Delivery, due: Due) -> bool {
        self.queue()
            .put_back(delivery, due)
            .await
            .unwrap_or_else(|error| panic!("{delivery:?} was not put back: {error}"))
    }

    fn lease(&self) -> Duration {
        self.queue().lease()
    }

    fn advance(&self, time: Duration) {
        self.clock.manual.advance(time);
    }
}

/// Milliseconds.
const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Seconds.
const fn s(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A clock that is moved, and whose wall time somebody sets besides.
#[derive(Debug)]
struct SteppedClock {
    manual: ManualClock,
    step: Mutex<TimeDelta>,
}

impl SteppedClock {
    fn step(&self, by: TimeDelta) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for SteppedClock {
    fn elapsed(&self) -> Duration {
        self.manual.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.manual.sleep(duration)
    }

    fn deadline(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.manual.deadline(duration)
    }

    fn idle(&self, next: Option<Duration>, running: usize) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.manual.idle(next, running)
    }

    fn record_time(&self) -> Option<NaiveDateTime> {
        Some(self.wall_time())
    }

    fn wall_time(&self) -> NaiveDateTime {
        self.manual.wall_time() + *self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
