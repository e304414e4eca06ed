//! Keys: one job of a key waits, and the key is free when the job is taken.

use tasker_core::queue::{Due, Enqueued, Job, Queue, QueueError};

use super::{Bench, Subject, ms, s};

/// A second job of a key that waits is not put beside it.
pub async fn one_job_of_a_key_waits<S: Subject>(bench: &Bench<S>) {
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::New);
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::Waits);
    bench.advance(ms(1));
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::Waits);
    assert_eq!(bench.enqueue(Job::of_task(7), Due::In(s(9))).await, Enqueued::Waits);
    assert_eq!(bench.enqueue(Job::of_task(8), Due::In(s(9))).await, Enqueued::New, "another task, another key");
    assert_eq!(bench.tasks().await, [7]);
    bench.advance(s(10));
    assert_eq!(bench.tasks().await, [8]);
}

/// Of two instants the earlier counts, whichever comes first; the job is due then and not again later.
pub async fn the_earlier_instant_wins<S: Subject>(bench: &Bench<S>) {
    assert_eq!(bench.enqueue(Job::of_task(7), Due::In(s(30))).await, Enqueued::New);
    assert_eq!(bench.enqueue(Job::of_task(7), Due::In(s(40))).await, Enqueued::Waits);
    assert_eq!(bench.enqueue(Job::of_task(7), Due::In(s(20))).await, Enqueued::BroughtForward);
    assert_eq!(bench.enqueue(Job::of_task(8), Due::In(s(30))).await, Enqueued::New);
    assert_eq!(bench.enqueue(Job::of_task(8), Due::Now).await, Enqueued::BroughtForward);
    let eight = bench.one().await;
    assert_eq!(eight.job.task_id, 8);
    assert!(bench.acknowledge(&eight).await);
    bench.advance(s(20));
    let seven = bench.one().await;
    assert_eq!(seven.job.task_id, 7);
    assert!(bench.acknowledge(&seven).await);
    bench.advance(s(100));
    assert_eq!(bench.take().await, []);
}

/// Of two priorities the higher counts, whatever the instants.
pub async fn the_higher_priority_wins<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(1), Due::Now).await;
    assert_eq!(bench.enqueue(Job::of_task(2), Due::Now).await, Enqueued::New);
    assert_eq!(bench.enqueue(Job::of_task(2).with_priority(5), Due::In(s(9))).await, Enqueued::BroughtForward);
    assert_eq!(bench.enqueue(Job::of_task(2).with_priority(4), Due::In(s(9))).await, Enqueued::Waits);
    let taken = bench.take().await;
    let found: Vec<(i64, i32)> = taken.iter().map(|delivery| (delivery.job.task_id, delivery.job.priority)).collect();
    assert_eq!(found, [(2, 5), (1, 0)]);
}

/// Queues do not share keys.
pub async fn the_same_key_in_another_queue_is_another<S: Subject>(bench: &Bench<S>) {
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::New);
    assert_eq!(bench.enqueue(Job::of_task(7).in_queue("other"), Due::Now).await, Enqueued::New);
    assert_eq!(bench.tasks().await, [7]);
    assert_eq!(bench.take_from(&["other"], 9).await.len(), 1);
}

/// Who gives no key gets a job each time.
pub async fn jobs_without_a_key_stand_side_by_side<S: Subject>(bench: &Bench<S>) {
    for _ in 0..3 {
        assert_eq!(bench.enqueue(Job::of_task(7).without_key(), Due::Now).await, Enqueued::New);
    }
    let taken = bench.take().await;
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|delivery| delivery.job.unique_key.is_none()));
}

/// A wake-up that comes while the job is at work is a job of its own: what it is about may be newer than what the job saw.
pub async fn a_key_is_free_as_soon_as_its_job_is_taken<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(7), Due::Now).await;
    let first = bench.one().await;
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::New);
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::Waits);
    assert!(bench.acknowledge(&first).await);
    let second = bench.one().await;
    assert_eq!(second.job, first.job);
    assert!(bench.acknowledge(&second).await);
    assert_eq!(bench.take().await, []);
    assert_eq!(bench.enqueue(Job::of_task(7), Due::Now).await, Enqueued::New, "and when it is done");
}

/// A key never swallows the wake-up of another task.
pub async fn a_key_of_another_task_is_refused<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(7).with_key("nightly"), Due::In(s(5))).await;
    let refused = bench.queue().enqueue(Job::of_task(8).with_key("nightly"), Due::Now).await;
    assert!(
        matches!(&refused, Err(QueueError::KeyOfAnotherTask { key, task_id: 8, .. }) if key == "nightly"),
        "{refused:?}"
    );
    assert_eq!(bench.take().await, [], "the one that waits was not brought forward");
    bench.advance(s(5));
    assert_eq!(bench.tasks().await, [7]);
}
