//! A queue that keeps none of its promises.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tasker_core::queue::{
    Consume, Consumer, Delivery, Due, Enqueued, InProcessQueue, Job, Pending, Queue, QueueError, Sweep,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Stumbling, World, empty};

/// Loses, doubles, delays and hastens jobs, forgets what was struck off and fails now and then.
#[derive(Clone)]
struct Unfaithful {
    inner: InProcessQueue,
    chance: Arc<Mutex<StdRng>>,
    lost: Arc<Mutex<u32>>,
}

impl Unfaithful {
    fn draw(&self) -> (u32, Duration) {
        let mut chance = self.chance.lock().unwrap();
        (chance.random_range(0..10), Duration::from_secs(chance.random_range(0..600)))
    }

    fn loses(&self) {
        *self.lost.lock().unwrap() += 1;
    }
}

impl Queue for Unfaithful {
    fn enqueue(&self, job: Job, due: Due) -> Pending<'_, Enqueued> {
        Box::pin(async move {
            match self.draw() {
                (0..=2, _) => {
                    self.loses();
                    Ok(Enqueued::New)
                }
                (3, _) => {
                    self.loses();
                    Err(QueueError::backend("no"))
                }
                (4, _) => {
                    self.inner.enqueue(job.clone().without_key(), due).await?;
                    self.inner.enqueue(job.without_key(), Due::Now).await
                }
                (5, late) => self.inner.enqueue(job, Due::In(late)).await,
                (6, _) => self.inner.enqueue(job, Due::Now).await,
                _ => self.inner.enqueue(job, due).await,
            }
        })
    }
}

impl Consumer for Unfaithful {
    fn take<'a>(&'a self, queues: &'a [String], most: usize) -> Pending<'a, Vec<Delivery>> {
        self.inner.take(queues, most)
    }

    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> Pending<'a, bool> {
        match self.draw() {
            (0..=2, _) => Box::pin(async { Ok(true) }),
            (3, _) => self.inner.put_back(delivery, Due::Now),
            _ => self.inner.acknowledge(delivery),
        }
    }

    fn put_back<'a>(&'a self, delivery: &'a Delivery, due: Due) -> Pending<'a, bool> {
        match self.draw() {
            (0..=3, _) => {
                self.loses();
                self.inner.acknowledge(delivery)
            }
            (4, late) => self.inner.put_back(delivery, Due::In(late)),
            _ => self.inner.put_back(delivery, due),
        }
    }

    fn renew<'a>(&'a self, _deliveries: &'a [Delivery]) -> Pending<'a, ()> {
        Box::pin(async { Err(QueueError::backend("no")) })
    }

    fn lease(&self) -> Duration {
        self.inner.lease()
    }

    fn wait<'a>(
        &'a self,
        queues: &'a [String],
        busy: usize,
        at_most: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.inner.wait(queues, busy, at_most)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_keeps_no_promise_leaves_every_task_complete() {
    const TASKS: i64 = 30;
    let stumbling = Stumbling::default();
    let world = World::new(stumbling.clone()).await;
    let queue = Unfaithful {
        inner: InProcessQueue::new(Arc::new(world.clock.clone()), 1000),
        chance: Arc::new(Mutex::new(StdRng::seed_from_u64(20))),
        lost: Arc::default(),
    };
    for _ in 0..TASKS {
        // What the queue says of the wake-up may be a lie or an error: the task stands.
        let _lie = world.tasker.submit_to(&queue, &world.template, empty()).await.unwrap().wake_up;
    }
    let stop = CancellationToken::new();
    let consumer = {
        let (tasker, queue) = (world.tasker.clone(), queue.clone());
        let consume = Consume::new().sweeping(Sweep::new(), Duration::from_secs(60)).until(stop.clone());
        tokio::spawn(async move { tasker.consume(&queue, consume).await })
    };
    world.until_complete(TASKS).await;
    stop.cancel();
    consumer.await.unwrap().unwrap();
    let lost = *queue.lost.lock().unwrap();
    assert!(lost > 10, "{lost} jobs were lost");
    assert_eq!(stumbling.ran(), 7 * TASKS as usize, "no attempt was made twice");
    world.database.drop().await;
}
