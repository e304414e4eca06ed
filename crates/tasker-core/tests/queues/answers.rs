//! What a job does with the answer that it gets for its task.

use std::sync::Arc;
use std::time::Duration;

use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, Enqueued, InProcessQueue, Job, QueueError, Sweep};
use tasker_core::{Because, Handled, Tasker};
use tasker_domain::state::TaskState;
use tokio_util::sync::CancellationToken;

use crate::support::{Away, Stumbling, World, empty};

async fn handle(tasker: &Tasker, task_id: i64) -> Handled {
    tasker.handle_task(task_id, CancellationToken::new()).await.unwrap()
}

fn queues() -> [String; 1] {
    [DEFAULT_QUEUE.to_owned()]
}

/// As a job of a framework works: nothing of ours but `handle_task`, and one call of the queue.
#[tokio::test]
async fn a_framework_needs_one_call_for_each_answer() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let handed_in = world.tasker.submit_to(&queue, &world.template, empty()).await.unwrap();
    assert_eq!(handed_in.wake_up.unwrap(), Enqueued::New);
    let task_id = handed_in.task.task_id;
    let mut jobs = 0;
    loop {
        let Some(delivery) = queue.take(&queues(), 1).await.unwrap().pop() else {
            if queue.is_empty() {
                break;
            }
            queue.wait(&queues(), 0, None).await;
            continue;
        };
        jobs += 1;
        let handled = handle(&world.tasker, delivery.job.task_id).await;
        handled.follow_up(&queue, delivery.job.clone()).await.unwrap();
        assert!(queue.acknowledge(&delivery).await.unwrap());
    }
    assert_eq!(world.state(task_id).await, "complete");
    assert_eq!(jobs, 3, "one for the start, one for each time that all waits");
    world.database.drop().await;
}

/// B-ORC-078: one run is enqueued, and the answer says so. The task is moved to pending by the exchange.
#[tokio::test]
async fn an_immediate_follow_up_puts_one_job_in() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let task_id = world.submit().await;
    let handled = handle(&world.tasker, task_id).await;
    assert!(matches!(handled, Handled::Again { because: Because::StepWaitsForItsTime, .. }), "{handled:?}");
    assert_eq!(world.state(task_id).await, "pending");
    let stopped = Handled::Again { after: Duration::ZERO, because: Because::Stopped };
    assert_eq!(stopped.due(), Some(Due::Now));
    assert_eq!(stopped.follow_up(&queue, Job::of_task(task_id)).await.unwrap(), Some(Enqueued::New));
    assert_eq!(stopped.follow_up(&queue, Job::of_task(task_id)).await.unwrap(), Some(Enqueued::Waits));
    let taken = queue.take(&queues(), 9).await.unwrap();
    assert_eq!(taken.iter().map(|delivery| delivery.job.clone()).collect::<Vec<_>>(), [Job::of_task(task_id)]);
    let at_rest = Handled::AtRest { state: TaskState::Complete };
    assert_eq!(at_rest.follow_up(&queue, Job::of_task(task_id)).await.unwrap(), None);
    assert!(queue.acknowledge(&taken[0]).await.unwrap());
    assert!(queue.is_empty(), "nothing is to be done for a task at rest");
    world.database.drop().await;
}

/// B-ORC-080: the run is scheduled for the time that the task waits for.
#[tokio::test]
async fn a_delayed_follow_up_comes_when_the_task_is_due() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let task_id = world.submit().await;
    let handled = handle(&world.tasker, task_id).await;
    let Handled::Again { after, because: Because::StepWaitsForItsTime } = handled else { panic!("{handled:?}") };
    assert!(after >= Duration::from_secs(20), "the handler asked for that: {after:?}");
    assert_eq!(handled.due(), Some(Due::In(after)));
    assert_eq!(handled.follow_up(&queue, Job::of_task(task_id)).await.unwrap(), Some(Enqueued::New));
    world.clock.advance(after - Duration::from_nanos(1));
    assert_eq!(queue.take(&queues(), 9).await.unwrap(), []);
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(queue.take(&queues(), 9).await.unwrap().len(), 1);
    handle(&world.tasker, task_id).await;
    let steps = world.tasker.ledger().task_record(task_id).await.unwrap().unwrap().steps;
    let attempts: Vec<u32> = steps.iter().map(|step| step.attempts).collect();
    assert_eq!(attempts, [1, 2, 2, 0], "the steps that waited were due at that instant");
    world.database.drop().await;
}

/// B-ORC-079: a failure is reported with its message; the task stands, and a sweep finds it.
#[tokio::test]
async fn a_queue_that_fails_is_reported_and_the_task_stands() {
    let world = World::new(Stumbling::default()).await;
    let handed_in = world.tasker.submit_to(&Away, &world.template, empty()).await.unwrap();
    let error = handed_in.wake_up.unwrap_err();
    assert!(matches!(error, QueueError::Backend(_)));
    assert_eq!(error.to_string(), "the queue failed: Redis is away; the task stands, and the next sweep enqueues it");
    let task_id = handed_in.task.task_id;
    let handled = handle(&world.tasker, task_id).await;
    let error = handled.follow_up(&Away, Job::of_task(task_id)).await.unwrap_err();
    assert!(error.to_string().contains("Redis is away"), "{error}");
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    world.clock.advance(Duration::from_secs(60));
    assert!(world.tasker.sweep(&Away, &mut Sweep::new()).await.is_err());
    let swept = world.tasker.sweep(&queue, &mut Sweep::new()).await.unwrap();
    assert_eq!((swept.tasks, swept.enqueued, swept.through), (1, 1, true));
    assert_eq!(queue.take(&queues(), 9).await.unwrap()[0].job, Job::of_task(task_id));
    world.database.drop().await;
}

/// A start in the future is the queue's to keep.
#[tokio::test]
async fn a_task_that_starts_later_is_woken_then() {
    let world = World::new(Stumbling::default()).await;
    let queue = InProcessQueue::new(Arc::new(world.clock.clone()), 100);
    let start = tasker_core::clock::Clock::wall_time(&world.clock) + chrono::TimeDelta::hours(1);
    world.tasker.submit_to(&queue, &world.template, empty().not_before(start)).await.unwrap().wake_up.unwrap();
    world.clock.advance(Duration::from_secs(3599));
    assert_eq!(queue.take(&queues(), 9).await.unwrap(), []);
    world.clock.advance(Duration::from_secs(1));
    let taken = queue.take(&queues(), 9).await.unwrap();
    assert!(matches!(handle(&world.tasker, taken[0].job.task_id).await, Handled::Again { .. }));
    world.database.drop().await;
}

/// A paused task is left alone for a minute at a time.
#[tokio::test]
async fn a_paused_task_is_not_looked_at_often() {
    use tasker_postgres::ledger::{Operator, TaskChange};
    let world = World::new(Stumbling::default()).await;
    let task_id = world.submit().await;
    let by = Operator { actor: "somebody", reason: "wait", now: None, dry_run: false };
    world.tasker.ledger().change_tasks(&[task_id], TaskChange::Pause, by).await.unwrap();
    let handled = handle(&world.tasker, task_id).await;
    assert_eq!(handled, Handled::Again { after: Duration::from_secs(60), because: Because::Paused });
    world.database.drop().await;
}
