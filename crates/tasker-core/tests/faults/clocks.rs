//! Clocks that are wrong: a worker's by hours, and the database's that steps back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::entropy::Entropy;
use tasker_testing::TestDatabase;

use crate::support::{Here, LONG, Logged, judge, make_log, seed, submit_random, tasker, until_all_ended};

/// A clock whose wall time jumps about by minutes; `hands_in` tells whether its instants enter the record, as the
/// database's own do.
#[derive(Debug)]
struct Jumping {
    real: SystemClock,
    entropy: Entropy,
    hands_in: bool,
    asked: AtomicU64,
}

impl Clock for Jumping {
    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.real.sleep(duration)
    }

    fn record_time(&self) -> Option<NaiveDateTime> {
        self.hands_in.then(|| self.wall_time())
    }

    fn wall_time(&self) -> NaiveDateTime {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let off = (self.entropy.fraction() * 600.0) as i64;
        let hours = if self.hands_in { 0 } else { 5 };
        self.real.wall_time() - TimeDelta::seconds(off) + TimeDelta::hours(hours)
    }
}

async fn with_clocks(hands_in: bool) {
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let wrong = |number: u64| {
        let entropy = Entropy::seeded(seed + number);
        let clock = Jumping { real: SystemClock::new(), entropy, hands_in, asked: AtomicU64::new(0) };
        tasker(pool, Logged::new(database.options(), seed, 5)).with_clock(Arc::new(clock))
    };
    submit_random(&tasker(pool, Logged::new(database.options(), seed, 5)), seed, 10, 6).await;
    let workers = [wrong(0), wrong(1)].map(Here::start);
    until_all_ended(pool, LONG).await;
    for worker in workers {
        worker.end().await;
    }
    judge(pool).await;
    let ahead: i64 = sqlx::query_scalar(
        "select count(*) from tasker_workflow_step_transitions where created_at > clock_timestamp() at time zone 'UTC'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(ahead, 0, "no machine's own clock enters a row (R-24)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workers_clock_that_is_wrong_by_hours_changes_nothing() {
    with_clocks(false).await;
}

/// Retries that fall due by an earlier instant of a clock that stands higher are waited for again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_of_the_record_that_steps_back_writes_no_row_below_the_newest() {
    with_clocks(true).await;
}
