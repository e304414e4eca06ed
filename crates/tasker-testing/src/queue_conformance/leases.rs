//! What becomes of jobs that were taken.

use tasker_core::queue::{Consumer, Due, Enqueued, Job};

use super::{Bench, Subject, ms, s};

/// A job that is put back waits for the time that is said, with its key, and its old taker has it no more.
pub async fn a_job_that_is_put_back_waits_for_its_time<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(7).with_priority(2), Due::Now).await;
    let first = bench.one().await;
    assert!(bench.put_back(&first, Due::In(s(5))).await);
    assert!(!bench.put_back(&first, Due::Now).await);
    assert!(!bench.acknowledge(&first).await);
    assert_eq!(bench.enqueue(Job::of_task(7).with_priority(2), Due::In(s(6))).await, Enqueued::Waits);
    bench.advance(ms(4_999));
    assert_eq!(bench.take().await, []);
    bench.advance(ms(1));
    let second = bench.one().await;
    assert_eq!(second.job, first.job);
    assert!(bench.put_back(&second, Due::Now).await);
    let third = bench.one().await;
    assert!(!bench.acknowledge(&second).await);
    assert!(bench.acknowledge(&third).await);
    bench.advance(bench.lease() * 2);
    assert_eq!(bench.take().await, []);
}

/// A job whose taker is not heard of any more comes back when its lease is over, and the old taker can do nothing to it.
pub async fn what_a_dead_consumer_had_comes_back<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(7), Due::Now).await;
    let dead = bench.one().await;
    bench.advance(bench.lease() - ms(1));
    assert_eq!(bench.take().await, [], "the lease is not over");
    bench.advance(ms(1));
    let alive = bench.one().await;
    assert_eq!(alive.job, dead.job);
    assert!(alive.time > dead.time || alive.number != dead.number);
    assert!(!bench.acknowledge(&dead).await);
    assert!(!bench.put_back(&dead, Due::In(s(1000))).await);
    bench.advance(bench.lease() / 2);
    bench.queue().renew(&[dead]).await.unwrap_or_else(|error| panic!("{error}"));
    bench.advance(bench.lease() / 2);
    let again = bench.one().await;
    assert!(!bench.acknowledge(&alive).await);
    assert!(bench.acknowledge(&again).await);
    bench.advance(bench.lease());
    assert_eq!(bench.take().await, []);
}

/// What comes back stands where it stood: before what came later.
pub async fn an_abandoned_job_keeps_its_place<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(1), Due::Now).await;
    bench.one().await;
    bench.advance(s(1));
    bench.enqueue(Job::of_task(2), Due::Now).await;
    bench.advance(bench.lease());
    assert_eq!(bench.tasks().await, [1, 2]);
}

/// Who says in time that the work goes on keeps the job.
pub async fn leases_that_are_renewed_go_on<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(7), Due::Now).await;
    bench.enqueue(Job::of_task(8), Due::Now).await;
    let mut taken = bench.take().await;
    let dropped = taken.pop();
    assert_eq!(dropped.map(|delivery| delivery.job.task_id), Some(8));
    for _ in 0..5 {
        bench.advance(bench.lease() * 2 / 3);
        bench.queue().renew(&taken).await.unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(bench.tasks().await, [8]);
    assert!(bench.acknowledge(&taken[0]).await);
    bench.queue().renew(&taken).await.unwrap_or_else(|error| panic!("{error}"));
    bench.advance(bench.lease() * 2);
    assert_eq!(bench.tasks().await, [8], "what was struck off is gone, however often it is renewed");
}

/// A job that comes back, and one of its key that came meanwhile, become one: the earlier instant, the higher priority.
pub async fn what_comes_back_joins_what_came_meanwhile<S: Subject>(bench: &Bench<S>) {
    // put back before the one that waits …
    bench.enqueue(Job::of_task(7).with_priority(1), Due::Now).await;
    let first = bench.one().await;
    bench.enqueue(Job::of_task(7), Due::In(s(30))).await;
    assert!(bench.put_back(&first, Due::In(s(10))).await);
    bench.advance(s(10));
    let second = bench.one().await;
    assert_eq!(second.job.priority, 1);
    // … behind it …
    bench.enqueue(Job::of_task(7).with_priority(3), Due::Now).await;
    assert!(bench.put_back(&second, Due::In(s(10))).await);
    let third = bench.one().await;
    assert_eq!(third.job.priority, 3);
    bench.advance(s(30));
    assert_eq!(bench.take().await, [], "neither of them waits for the later instant");
    // … and because its taker died.
    bench.enqueue(Job::of_task(7), Due::In(s(10_000))).await;
    bench.advance(bench.lease());
    let fourth = bench.one().await;
    assert!(bench.acknowledge(&fourth).await);
    bench.advance(s(20_000));
    assert_eq!(bench.take().await, []);
}

/// Where the key went to another task while the job was at work, both jobs stay.
pub async fn what_comes_back_to_a_key_of_another_task_stays_beside_it<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(7).with_key("k"), Due::Now).await;
    let first = bench.one().await;
    assert_eq!(bench.enqueue(Job::of_task(8).with_key("k"), Due::In(s(1))).await, Enqueued::New);
    assert!(bench.put_back(&first, Due::Now).await);
    assert_eq!(bench.tasks().await, [7]);
    bench.advance(s(1));
    assert_eq!(bench.tasks().await, [8]);
}
