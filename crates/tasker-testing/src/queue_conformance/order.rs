//! When jobs come, and in which order.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tasker_core::clock::Clock;
use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, Enqueued, Job};

use super::{Bench, Subject, ms, s};

const YEAR: Duration = s(365 * 24 * 60 * 60);

/// A job that is due is handed to one taker, who strikes it off once.
pub async fn what_is_due_is_taken_once<S: Subject>(bench: &Bench<S>) {
    assert_eq!(bench.enqueue(Job::of_task(7).with_priority(3), Due::Now).await, Enqueued::New);
    let delivery = bench.one().await;
    assert_eq!((&delivery.job, delivery.time), (&Job::of_task(7).with_priority(3), 1));
    assert_eq!(bench.take().await, []);
    assert!(bench.acknowledge(&delivery).await);
    assert!(!bench.acknowledge(&delivery).await, "it is gone");
    assert!(!bench.put_back(&delivery, Due::Now).await, "it is gone");
    bench.advance(bench.lease() * 3);
    assert_eq!(bench.take().await, [], "what was struck off does not come back");
}

/// A job that waits for a time, or for an instant, comes when that has passed and not before.
pub async fn nothing_comes_before_its_time<S: Subject>(bench: &Bench<S>) {
    let instant = bench.clock.wall_time() + TimeDelta::seconds(20);
    bench.enqueue(Job::of_task(1), Due::In(s(10))).await;
    bench.enqueue(Job::of_task(2), Due::At(instant)).await;
    bench.enqueue(Job::of_task(3).with_priority(1000), Due::In(s(10))).await;
    assert_eq!(bench.tasks().await, [0; 0]);
    bench.advance(ms(9_999));
    assert_eq!(bench.tasks().await, [0; 0]);
    bench.advance(ms(1));
    assert_eq!(bench.tasks().await, [3, 1]);
    bench.advance(ms(9_999));
    assert_eq!(bench.tasks().await, [0; 0]);
    bench.advance(ms(1));
    assert_eq!(bench.tasks().await, [2]);
}

/// Instants of the past are due at once, those furthest back first; also the first one that there is.
pub async fn an_instant_that_has_passed_is_now<S: Subject>(bench: &Bench<S>) {
    let now = bench.clock.wall_time();
    bench.enqueue(Job::of_task(1), Due::Now).await;
    bench.enqueue(Job::of_task(2), Due::In(Duration::ZERO)).await;
    bench.enqueue(Job::of_task(3), Due::At(now - TimeDelta::hours(1))).await;
    bench.enqueue(Job::of_task(4), Due::At(NaiveDateTime::MIN)).await;
    bench.enqueue(Job::of_task(5), Due::At(now)).await;
    assert_eq!(bench.tasks().await, [4, 3, 1, 2, 5]);
}

/// Waits beyond all measure are taken in and do not come in a hundred years, nor do they keep others from coming.
pub async fn the_far_future_is_far<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(1), Due::At(NaiveDateTime::MAX)).await;
    bench.enqueue(Job::of_task(2), Due::In(Duration::MAX)).await;
    bench.enqueue(Job::of_task(3).with_priority(i32::MAX), Due::In(100 * YEAR)).await;
    bench.enqueue(Job::of_task(4).with_priority(i32::MIN), Due::In(s(1))).await;
    bench.advance(s(2));
    assert_eq!(bench.tasks().await, [4]);
    bench.advance(99 * YEAR);
    assert_eq!(bench.tasks().await, [4], "only the one that nobody struck off");
    bench.advance(YEAR);
    assert_eq!(bench.tasks().await, [3, 4]);
    bench.advance(9_900 * YEAR);
    let mut left = bench.tasks().await;
    left.sort_unstable();
    assert_eq!(left, [1, 2, 3, 4], "they come after all");
}

/// What has waited longest comes first; of one instant, what was put in first.
pub async fn the_earliest_comes_first<S: Subject>(bench: &Bench<S>) {
    for (task_id, wait) in [(1, 5), (2, 3), (3, 9), (4, 3), (5, 0), (6, 7), (7, 3)] {
        bench.enqueue(Job::of_task(task_id), Due::In(s(wait))).await;
    }
    bench.advance(s(60));
    bench.enqueue(Job::of_task(8), Due::Now).await;
    let first: Vec<i64> =
        bench.take_from(&[DEFAULT_QUEUE], 3).await.iter().map(|delivery| delivery.job.task_id).collect();
    assert_eq!(first, [5, 2, 4]);
    assert_eq!(bench.tasks().await, [7, 1, 6, 3, 8]);
}

/// A point of priority is worth a minute of waiting, so that nothing waits for ever behind what is urgent.
pub async fn a_point_of_priority_is_worth_a_minute<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(1), Due::Now).await;
    bench.enqueue(Job::of_task(2).with_priority(-2), Due::Now).await;
    bench.advance(s(59));
    bench.enqueue(Job::of_task(3).with_priority(1), Due::Now).await;
    bench.advance(s(2));
    bench.enqueue(Job::of_task(4).with_priority(1), Due::Now).await;
    bench.enqueue(Job::of_task(5).with_priority(i32::MIN), Due::Now).await;
    bench.enqueue(Job::of_task(6).with_priority(i32::MAX), Due::Now).await;
    bench.advance(s(60));
    bench.enqueue(Job::of_task(7), Due::Now).await;
    assert_eq!(bench.tasks().await, [6, 3, 1, 4, 2, 7, 5]);
}

/// A wall clock that is set back and forth delays what is bound to instants at the most; nothing is lost or doubled.
pub async fn a_clock_that_steps_loses_nothing<S: Subject>(bench: &Bench<S>) {
    let instant = bench.clock.wall_time() + TimeDelta::seconds(20);
    bench.enqueue(Job::of_task(1), Due::In(s(10))).await;
    bench.enqueue(Job::of_task(2), Due::At(instant)).await;
    bench.enqueue(Job::of_task(3), Due::Now).await;
    let taken = bench.one().await;
    bench.clock.step(TimeDelta::hours(-1));
    assert_eq!(bench.enqueue(Job::of_task(4), Due::Now).await, Enqueued::New);
    assert_eq!(bench.tasks().await, [4], "what is asked for now comes now");
    assert!(bench.acknowledge(&taken).await, "it is still the taker's");
    bench.advance(s(60 * 60 + 20));
    let mut tasks = bench.tasks().await;
    tasks.sort_unstable();
    assert_eq!(tasks, [1, 2, 4], "with the one that nobody struck off");
    bench.enqueue(Job::of_task(5), Due::In(s(30))).await;
    bench.clock.step(TimeDelta::days(1));
    bench.advance(s(30));
    assert!(bench.tasks().await.contains(&5));
}

/// Who waits for something to take is called, or woken when the time of something has come.
pub async fn who_waits_finds_what_comes<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(1), Due::In(s(5))).await;
    let queue = bench.queue();
    let waits = tokio::spawn(async move {
        let queues = [DEFAULT_QUEUE.to_owned()];
        let mut found = Vec::new();
        while found.len() < 2 {
            let taken = queue.take(&queues, 1).await.unwrap_or_else(|error| panic!("{error}"));
            if taken.is_empty() {
                queue.wait(&queues, 0, None).await;
            }
            for delivery in taken {
                // Kept, it would come again once its lease is over.
                queue.acknowledge(&delivery).await.unwrap_or_else(|error| panic!("{error}"));
                found.push(delivery.job.task_id);
            }
        }
        found
    });
    bench.enqueue(Job::of_task(2).in_queue("another"), Due::Now).await;
    bench.enqueue(Job::of_task(3), Due::Now).await;
    let found = tokio::time::timeout(s(60), waits).await;
    let mut found = found.unwrap_or_else(|_| panic!("nobody called")).unwrap_or_else(|error| panic!("{error}"));
    found.sort_unstable();
    assert_eq!(found, [1, 3]);
}
