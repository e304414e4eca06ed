//! The queue in memory.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tasker_core::clock::Clock;
use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, Enqueued, InProcessQueue, Job, LeftOver, Queue, QueueError};
use tasker_testing::ManualClock;
use tasker_testing::queue_conformance::Subject;

struct InMemory(InProcessQueue);

impl Subject for InMemory {
    type Queue = InProcessQueue;

    async fn begin(clock: Arc<dyn Clock>) -> Self {
        Self(InProcessQueue::new(clock, 20_000))
    }

    fn queue(&self) -> InProcessQueue {
        self.0.clone()
    }
}

mod conformance {
    tasker_testing::queue_conformance!(super::InMemory);
}

fn small(room: usize) -> (ManualClock, InProcessQueue) {
    let clock = ManualClock::default();
    (clock.clone(), InProcessQueue::new(Arc::new(clock), room))
}

fn tasker_queue() -> [String; 1] {
    [DEFAULT_QUEUE.to_owned()]
}

#[tokio::test]
async fn who_enqueues_into_a_full_queue_waits_for_room() {
    let (_clock, queue) = small(2);
    queue.enqueue(Job::of_task(1), Due::Now).await.unwrap();
    queue.enqueue(Job::of_task(2), Due::In(Duration::from_secs(9))).await.unwrap();
    let mut third = queue.enqueue(Job::of_task(3), Due::Now);
    assert!(third.as_mut().now_or_never().is_none(), "there is no room");
    let again = queue.enqueue(Job::of_task(2), Due::Now).now_or_never();
    assert_eq!(again.unwrap().unwrap(), Enqueued::BroughtForward, "what needs no room does not wait for any");
    let taken = queue.take(&tasker_queue(), 1).await.unwrap();
    assert!(third.as_mut().now_or_never().is_none(), "what was taken still has its place");
    assert!(queue.put_back(&taken[0], Due::Now).now_or_never().unwrap().unwrap(), "to put back needs no room");
    assert!(third.as_mut().now_or_never().is_none());
    let taken = queue.take(&tasker_queue(), 1).await.unwrap();
    assert!(queue.acknowledge(&taken[0]).await.unwrap());
    assert_eq!(third.now_or_never().unwrap().unwrap(), Enqueued::New);
    assert_eq!(queue.len(), 2);
}

#[tokio::test]
async fn a_queue_that_is_closed_hands_out_what_it_holds_and_takes_nothing_in() {
    let (clock, queue) = small(4);
    queue.enqueue(Job::of_task(1), Due::Now).await.unwrap();
    queue.enqueue(Job::of_task(2), Due::In(Duration::from_secs(9))).await.unwrap();
    queue.enqueue(Job::of_task(3), Due::In(Duration::from_secs(4))).await.unwrap();
    let taken = queue.take(&tasker_queue(), 9).await.unwrap();
    clock.advance(Duration::from_secs(5));
    queue.enqueue(Job::of_task(4), Due::Now).await.unwrap();
    let mut waits = queue.enqueue(Job::of_task(5), Due::Now);
    assert!(waits.as_mut().now_or_never().is_none());
    let left = |task_id, seconds| LeftOver { job: Job::of_task(task_id), due_in: Duration::from_secs(seconds) };
    assert_eq!(queue.close(), [left(1, 0), left(3, 0), left(4, 0), left(2, 4)]);
    assert!(queue.is_empty());
    assert!(matches!(waits.await, Err(QueueError::Closed)));
    assert!(matches!(queue.enqueue(Job::of_task(6), Due::Now).await, Err(QueueError::Closed)));
    assert!(matches!(queue.take(&tasker_queue(), 9).await, Err(QueueError::Closed)));
    assert!(!queue.acknowledge(&taken[0]).await.unwrap(), "it was handed out to whoever closed");
    queue.wait(&tasker_queue(), 0, None).now_or_never().unwrap();
    assert_eq!(queue.close(), []);
}
