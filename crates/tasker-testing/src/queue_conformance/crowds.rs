//! Many at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, Enqueued, Job, Queue};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Bench, Subject, ms};

/// Eight who enqueue the same key in the same moment make one job, again and again.
pub async fn eight_producers_of_one_key_make_one_job<S: Subject>(bench: &Bench<S>) {
    for round in 0..20 {
        let mut producers = JoinSet::new();
        let start = Arc::new(Barrier::new(8));
        for _ in 0..8 {
            let (queue, start) = (bench.queue(), start.clone());
            producers.spawn(async move {
                start.wait().await;
                queue.enqueue(Job::of_task(round), Due::Now).await.unwrap_or_else(|error| panic!("{error}"))
            });
        }
        let answers = producers.join_all().await;
        let new = answers.iter().filter(|answer| **answer == Enqueued::New).count();
        assert_eq!(new, 1, "{answers:?}");
        let delivery = bench.one().await;
        assert!(bench.acknowledge(&delivery).await);
    }
}

/// Eight who take from one queue share what is in it: each job goes to one of them.
pub async fn eight_consumers_share_four_hundred_jobs<S: Subject>(bench: &Bench<S>) {
    let jobs = (0..400).map(|task_id| (Job::of_task(task_id), Due::Now)).collect();
    bench.queue().enqueue_all(jobs).await.unwrap_or_else(|error| panic!("{error}"));
    let mut consumers = JoinSet::new();
    let left = Arc::new(AtomicUsize::new(400));
    for _ in 0..8 {
        let (queue, left) = (bench.queue(), left.clone());
        consumers.spawn(async move {
            let queues = [DEFAULT_QUEUE.to_owned()];
            let mut mine = Vec::new();
            // One who finds nothing may have been passed over what another holds in this moment.
            while left.load(Ordering::SeqCst) > 0 {
                for delivery in queue.take(&queues, 7).await.unwrap_or_else(|error| panic!("{error}")) {
                    mine.push(delivery.job.task_id);
                    assert!(queue.acknowledge(&delivery).await.unwrap_or_else(|error| panic!("{error}")));
                    left.fetch_sub(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
            }
            mine
        });
    }
    let taken: Vec<i64> = consumers.join_all().await.concat();
    assert_eq!(taken.len(), 400);
    assert_eq!(taken.into_iter().collect::<BTreeSet<i64>>(), (0..400).collect());
}

/// Who has something new for a task and enqueues its wake-up is heard: by a job that is taken after that. So it is in
/// every interleaving of enqueuing, taking and striking off.
pub async fn no_wake_up_is_lost_between_taking_and_enqueuing<S: Subject>(bench: &Bench<S>) {
    const NEWS: i64 = 300;
    let (told, heard) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let (queue, told_there) = (bench.queue(), told.clone());
    let producer = tokio::spawn(async move {
        for news in 1..=NEWS {
            told_there.store(news, Ordering::SeqCst);
            queue.enqueue(Job::of_task(7), Due::Now).await.unwrap_or_else(|error| panic!("{error}"));
        }
    });
    let mut consumers = JoinSet::new();
    for _ in 0..2 {
        let (queue, told, heard) = (bench.queue(), told.clone(), heard.clone());
        let producing = producer.abort_handle();
        consumers.spawn(async move {
            let queues = [DEFAULT_QUEUE.to_owned()];
            loop {
                let over = producing.is_finished();
                let taken = queue.take(&queues, 1).await.unwrap_or_else(|error| panic!("{error}"));
                let Some(delivery) = taken.first() else {
                    if over {
                        return;
                    }
                    tokio::task::yield_now().await;
                    continue;
                };
                heard.fetch_max(told.load(Ordering::SeqCst), Ordering::SeqCst);
                assert!(queue.acknowledge(delivery).await.unwrap_or_else(|error| panic!("{error}")));
            }
        });
    }
    producer.await.unwrap_or_else(|error| panic!("{error}"));
    consumers.join_all().await;
    assert_eq!(heard.load(Ordering::SeqCst), NEWS);
    assert_eq!(bench.take().await, []);
}

/// Ten thousand jobs of all instants and priorities come in the order of both, each once.
pub async fn ten_thousand_jobs_come_once_and_in_order<S: Subject>(bench: &Bench<S>) {
    // Steps through the numbers below the prime 10,007 in an order that looks like none.
    let mixed = |number: i64| number * 7919 % 10_007;
    let rank = |task_id: i64| mixed(task_id) * 100 - mixed(task_id) % 7 * 60_000;
    let jobs = (0..10_000).map(|task_id| {
        let wait = ms(mixed(task_id).unsigned_abs() * 100);
        (Job::of_task(task_id).with_priority((mixed(task_id) % 7) as i32), Due::In(wait))
    });
    let answers = bench.queue().enqueue_all(jobs.collect()).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(answers.iter().all(|answer| *answer == Enqueued::New));
    bench.advance(ms(10_007 * 100));
    let mut expected: Vec<i64> = (0..10_000).collect();
    expected.sort_by_key(|task_id| rank(*task_id));
    let mut found: Vec<i64> = Vec::new();
    // The first look may let only a part of what has become due join the line.
    while found.len() < 10_000 {
        let taken = bench.take_from(&[DEFAULT_QUEUE], 500).await;
        assert!(!taken.is_empty(), "{} have come", found.len());
        found.extend(taken.iter().map(|delivery| delivery.job.task_id));
        assert!(bench.acknowledge(&taken[0]).await);
    }
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 10_000);
    assert_eq!(found, expected);
}
