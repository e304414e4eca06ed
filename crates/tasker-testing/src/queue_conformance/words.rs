//! Names, keys and batches.

use tasker_core::queue::{DEFAULT_QUEUE, Due, Enqueued, Job, Queue, QueueError};

use super::{Bench, Subject, s};

/// Words that have broken programs; look-alikes stand side by side.
const HOSTILE: [&str; 18] = [
    "'; drop table tasker_engine.job; --",
    "\"",
    "\\",
    "$1",
    "%s%n",
    "{}",
    "{\"a\":[1]}",
    "null",
    " ",
    "a",
    "a ",
    "A",
    "é",
    "e\u{301}",
    "\u{202e}tac",
    "line\nbreak\ttab\r\u{1}\u{7f}",
    "🦀🧵",
    "\u{feff}\u{200b}\u{10ffff}",
];

/// Jobs are handed out from the queues that are named and no others; of several, what stands first in any.
pub async fn queues_are_apart<S: Subject>(bench: &Bench<S>) {
    for (task_id, queue) in [(1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "b")] {
        bench.enqueue(Job::of_task(task_id).in_queue(queue), Due::Now).await;
        bench.advance(s(1));
    }
    let tasks = |taken: Vec<tasker_core::queue::Delivery>| -> Vec<i64> {
        taken.iter().map(|delivery| delivery.job.task_id).collect()
    };
    assert_eq!(tasks(bench.take_from(&[], 9).await), [0; 0]);
    assert_eq!(tasks(bench.take_from(&["a", "b", "c"], 0).await), [0; 0]);
    assert_eq!(tasks(bench.take_from(&["d", DEFAULT_QUEUE], 9).await), [0; 0]);
    assert_eq!(tasks(bench.take_from(&["b", "a", "b"], 3).await), [1, 2, 4]);
    assert_eq!(tasks(bench.take_from(&["b", "a"], 9).await), [5]);
    assert_eq!(tasks(bench.take_from(&["c"], 9).await), [3]);
}

/// Names of queues and keys arrive letter for letter, and no two of them are taken for the same.
pub async fn words_arrive_as_they_were<S: Subject>(bench: &Bench<S>) {
    let (long_queue, long_key) = ("q".repeat(255), "ключ ".repeat(111));
    let mut words: Vec<&str> = HOSTILE.to_vec();
    words.extend([long_queue.as_str(), &long_key[..243]]);
    for (place, word) in (1..).zip(&words) {
        let job = Job::of_task(place).in_queue(*word).with_key(*word);
        assert_eq!(bench.enqueue(job, Due::Now).await, Enqueued::New, "{word:?}");
    }
    for (place, word) in (1..).zip(&words) {
        let beside = Job::of_task(place).with_key(*word);
        assert_eq!(bench.enqueue(beside, Due::Now).await, Enqueued::New, "{word:?}");
    }
    bench.enqueue(Job::of_task(1000).with_key(&long_key), Due::Now).await;
    for (place, word) in (1..).zip(&words) {
        let taken = bench.take_from(&[word], 9).await;
        assert_eq!(taken.len(), 1, "{word:?}");
        assert_eq!(taken[0].job, Job::of_task(place).in_queue(*word).with_key(*word));
    }
    let keys: Vec<String> = bench.take().await.into_iter().filter_map(|delivery| delivery.job.unique_key).collect();
    words.push(&long_key);
    assert_eq!(keys, words);
}

/// What PostgreSQL or anybody else could not store is refused by every queue alike, and nothing is taken in.
pub async fn words_that_no_queue_can_carry_are_refused<S: Subject>(bench: &Bench<S>) {
    let bad = [
        Job::of_task(1).with_key(""),
        Job::of_task(1).with_key("a\0b"),
        Job::of_task(1).with_key("k".repeat(1001)),
        Job::of_task(1).in_queue(""),
        Job::of_task(1).in_queue("\0"),
        Job::of_task(1).in_queue("q".repeat(256)),
    ];
    for job in bad {
        let refused = bench.queue().enqueue(job.clone(), Due::Now).await;
        assert!(matches!(refused, Err(QueueError::Job(_))), "{job:?}: {refused:?}");
    }
    assert_eq!(bench.take().await, []);
}

/// Of many jobs at once each gets its own answer, also where several are of one key.
pub async fn answers_stand_in_the_order_of_the_jobs<S: Subject>(bench: &Bench<S>) {
    bench.enqueue(Job::of_task(3), Due::In(s(60))).await;
    let jobs = vec![
        (Job::of_task(5), Due::Now),
        (Job::of_task(3), Due::In(s(70))),
        (Job::of_task(5), Due::Now),
        (Job::of_task(1), Due::In(s(5))),
        (Job::of_task(3), Due::Now),
        (Job::of_task(1), Due::In(s(4))),
        (Job::of_task(2).without_key(), Due::Now),
        (Job::of_task(2).without_key(), Due::Now),
    ];
    let answers = bench.queue().enqueue_all(jobs).await.unwrap_or_else(|error| panic!("{error}"));
    use Enqueued::{BroughtForward, New, Waits};
    assert_eq!(answers, [New, Waits, Waits, New, BroughtForward, BroughtForward, New, New]);
    let none = bench.queue().enqueue_all(Vec::new()).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(none, []);
    let mut tasks = bench.tasks().await;
    tasks.sort_unstable();
    assert_eq!(tasks, [2, 2, 3, 5]);
}
