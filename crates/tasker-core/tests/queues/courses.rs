//! Tasks that stumble and are worked through each queue to their ends.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tasker_core::queue::{
    Consume, Consumed, Consumer, Delivery, Due, Enqueued, InProcessQueue, Job, Pending, PostgresQueue, Queue, Sweep,
};
use tasker_core::{Output, StepContext, StepError, StepHandler, handler_fn};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{Stumbling, World, empty, until};

const TASKS: i64 = 20;

/// Tells when so many steps have been begun, and then holds every step until it is dropped.
#[derive(Clone)]
struct HoldsAfter {
    steps: usize,
    stumbling: Stumbling,
    reached: Arc<Notify>,
}

impl StepHandler for HoldsAfter {
    async fn process(&self, step: StepContext) -> Result<Output, StepError> {
        if self.stumbling.ran() >= self.steps {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        self.stumbling.process(step).await
    }
}

fn consume() -> Consume {
    Consume::new().at_a_time(4)
}

/// The consumer is killed while steps are at work; another one, in another process as it were, takes everything up.
async fn tasks_come_to_their_ends_though_a_consumer_is_killed<Q: Consumer + Clone + 'static>(
    make: impl FnOnce(&World) -> Q,
) {
    let stumbling = Stumbling::default();
    let world = World::new(stumbling.clone()).await;
    let queue = make(&world);
    for _ in 0..TASKS {
        world.tasker.submit_to(&queue, &world.template, empty()).await.unwrap().wake_up.unwrap();
    }
    let reached = Arc::new(Notify::new());
    let holds = HoldsAfter { steps: 70, stumbling: stumbling.clone(), reached: reached.clone() };
    let doomed = tasker_core::Tasker::new(world.pool().clone(), tasker_core::Handlers::new().with("H", holds))
        .unwrap()
        .with_clock(Arc::new(world.clock.clone()));
    let first = {
        let queue = queue.clone();
        tokio::spawn(async move { doomed.consume(&queue, consume().without_sweeping()).await })
    };
    tokio::time::timeout(Duration::from_secs(100), reached.notified()).await.expect("the first consumer works");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    world.silence().await;
    assert!(world.complete().await < TASKS, "it was killed midway");

    let drain = CancellationToken::new();
    let second = {
        let (tasker, queue, drain) = (world.tasker.clone(), queue.clone(), drain.clone());
        tokio::spawn(async move { tasker.consume(&queue, consume().without_sweeping().drained_by(drain)).await })
    };
    world.until_complete(TASKS).await;
    drain.cancel();
    let consumed = second.await.unwrap().unwrap();
    assert!(consumed.again > 0 && consumed.failed == 0, "{consumed:?}");
    let attempts: i64 =
        sqlx::query_scalar("select sum(attempts) from tasker_workflow_steps").fetch_one(world.pool()).await.unwrap();
    // Each diamond: a once, b three times, c twice, d once; and once more what was at work when the consumer died.
    assert!((7 * TASKS..7 * TASKS + 40).contains(&attempts), "{attempts}");
    let left: i64 =
        sqlx::query_scalar("select count(*) from tasker_engine.queue").fetch_one(world.pool()).await.unwrap();
    assert_eq!(left, 0);
    world.database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_process_tasks_come_to_their_ends_though_a_consumer_is_killed() {
    tasks_come_to_their_ends_though_a_consumer_is_killed(|world| {
        InProcessQueue::new(Arc::new(world.clock.clone()), 1000)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_postgres_tasks_come_to_their_ends_though_a_consumer_is_killed() {
    tasks_come_to_their_ends_though_a_consumer_is_killed(|world| {
        PostgresQueue::new(world.pool().clone()).with_clock(Arc::new(world.clock.clone()))
    })
    .await;
}

/// Where there is room for two jobs only, those who hand tasks in wait, and the consumer goes on all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_full_stops_nobody_for_good() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 2);
    let stop = CancellationToken::new();
    let consumer = {
        let (tasker, queue, stop) = (world.tasker.clone(), queue.clone(), stop.clone());
        let sweep = Sweep::new().idle_for(Duration::from_secs(1));
        let consume = consume().sweeping(sweep, Duration::from_secs(5)).until(stop);
        tokio::spawn(async move { tasker.consume(&queue, consume).await })
    };
    for _ in 0..TASKS {
        world.tasker.submit_to(&queue, &world.template, empty()).await.unwrap().wake_up.unwrap();
    }
    world.until_complete(TASKS).await;
    stop.cancel();
    consumer.await.unwrap().unwrap();
    world.database.drop().await;
}

/// A queue that is drained in the moment at which a job of it is struck off.
struct DrainedByTheFirst {
    inner: InProcessQueue,
    drain: CancellationToken,
}

impl Queue for DrainedByTheFirst {
    fn enqueue(&self, job: Job, due: Due) -> Pending<'_, Enqueued> {
        self.inner.enqueue(job, due)
    }
}

impl Consumer for DrainedByTheFirst {
    fn take<'a>(&'a self, queues: &'a [String], most: usize) -> Pending<'a, Vec<Delivery>> {
        self.inner.take(queues, most)
    }

    fn acknowledge<'a>(&'a self, delivery: &'a Delivery) -> Pending<'a, bool> {
        self.drain.cancel();
        self.inner.acknowledge(delivery)
    }

    fn put_back<'a>(&'a self, delivery: &'a Delivery, due: Due) -> Pending<'a, bool> {
        self.inner.put_back(delivery, due)
    }

    fn renew<'a>(&'a self, deliveries: &'a [Delivery]) -> Pending<'a, ()> {
        self.inner.renew(deliveries)
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

/// However many jobs are due: a consumer that was told to drain takes none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drains_takes_no_more() {
    let world = World::new(Stumbling::default()).await;
    let drain = CancellationToken::new();
    let queue =
        DrainedByTheFirst { inner: InProcessQueue::new(Arc::new(world.clock.clone()), 100), drain: drain.clone() };
    for unknown in 4711..4715 {
        queue.enqueue(Job::of_task(unknown), Due::Now).await.unwrap();
    }
    let consume = || Consume::new().at_a_time(1).without_sweeping().drained_by(drain.clone());
    assert_eq!(world.tasker.consume(&queue, consume()).await.unwrap(), Consumed { failed: 1, ..Consumed::default() });
    assert_eq!(world.tasker.consume(&queue, consume()).await.unwrap(), Consumed::default(), "it was drained before");
    assert_eq!(queue.inner.len(), 3);
    world.database.drop().await;
}

/// Stopped at once: the step that runs is handed back without an attempt, its job waits again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stopped_waits_again_and_nothing_counts() {
    let began = Arc::new(Notify::new());
    let tells = began.clone();
    let handler = handler_fn(move |step: StepContext| {
        let began = tells.clone();
        async move {
            began.notify_one();
            step.cancelled().cancelled().await;
            Err::<serde_json::Value, _>(StepError::retryable("told to stop"))
        }
    });
    let world = World::new(handler).await;
    let queue = PostgresQueue::new(world.pool().clone()).with_clock(Arc::new(world.clock.clone()));
    let task_id = world.tasker.submit_to(&queue, &world.template, empty()).await.unwrap().task.task_id;
    let stop = CancellationToken::new();
    let consumer = {
        let (tasker, queue, stop) = (world.tasker.clone(), queue.clone(), stop.clone());
        tokio::spawn(async move { tasker.consume(&queue, consume().without_sweeping().until(stop)).await })
    };
    began.notified().await;
    stop.cancel();
    assert_eq!(consumer.await.unwrap().unwrap(), Consumed { again: 1, ..Consumed::default() });
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.len(), counts[0].due, counts[0].taken), (1, 1, 0));
    let step = &world.tasker.ledger().task_record(task_id).await.unwrap().unwrap().steps[0];
    assert_eq!((step.state.to_string().as_str(), step.attempts), ("pending", 0));
    world.database.drop().await;
}

/// Jobs that can never succeed do not come for ever, others do; a queue that is closed ends its consumer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_unknown_tasks_end_and_those_without_a_handler_wait() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let task_id = world.submit().await;
    let nobody = tasker_core::Tasker::new(world.pool().clone(), tasker_core::Handlers::new())
        .unwrap()
        .with_clock(Arc::new(world.clock.clone()));
    queue.enqueue(Job::of_task(4711), Due::Now).await.unwrap();
    queue.enqueue(Job::of_task(task_id), Due::Now).await.unwrap();
    let consumer = {
        let queue = queue.clone();
        tokio::spawn(async move { nobody.consume(&queue, consume().without_sweeping()).await })
    };
    let start = tasker_core::clock::Clock::elapsed(&world.clock);
    until(async || tasker_core::clock::Clock::elapsed(&world.clock) >= start + Duration::from_secs(90)).await;
    let left = queue.close();
    let consumed = consumer.await.unwrap().unwrap();
    assert!(consumed.failed >= 3 && consumed.at_rest == 0, "{consumed:?}");
    assert_eq!(left.iter().map(|left| left.job.task_id).collect::<Vec<_>>(), [task_id]);
    world.database.drop().await;
}
