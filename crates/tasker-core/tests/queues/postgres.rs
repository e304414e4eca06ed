//! The queue in the database.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::NaiveDateTime;
use sqlx::PgPool;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::queue::{Consumer, DEFAULT_QUEUE, Due, Job, PostgresQueue, Queue};
use tasker_testing::TestDatabase;
use tasker_testing::queue_conformance::Subject;

use crate::support::{Stumbling, World, until};

struct InPostgres {
    database: TestDatabase,
    clock: Arc<dyn Clock>,
}

impl Subject for InPostgres {
    type Queue = PostgresQueue;

    async fn begin(clock: Arc<dyn Clock>) -> Self {
        Self { database: TestDatabase::with_schema().await, clock }
    }

    fn queue(&self) -> PostgresQueue {
        PostgresQueue::new(self.database.pool().clone()).with_clock(self.clock.clone())
    }

    async fn end(self) {
        self.database.drop().await;
    }
}

mod conformance {
    tasker_testing::queue_conformance!(super::InPostgres);
}

/// Whoever waits by this clock is woken by others or never.
#[derive(Debug)]
struct Deaf(SystemClock);

impl Clock for Deaf {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }

    fn wall_time(&self) -> NaiveDateTime {
        self.0.wall_time()
    }
}

async fn asleep(pool: &PgPool) -> bool {
    let sql = "select exists (select from tasker_engine.job_bell where asleep)";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sleeps_is_notified_once() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool().clone();
    let queue = PostgresQueue::new(pool.clone()).with_clock(Arc::new(Deaf(SystemClock::new())));
    let looks = Arc::new(AtomicUsize::new(0));
    let (taker, looked) = (queue.clone(), looks.clone());
    let waits = tokio::spawn(async move {
        let queues = [DEFAULT_QUEUE.to_owned()];
        loop {
            let taken = taker.take(&queues, 9).await.unwrap();
            if !taken.is_empty() {
                return taken;
            }
            looked.fetch_add(1, Ordering::SeqCst);
            taker.wait(&queues, 0, None).await;
        }
    });
    // The second look comes because somebody began to listen.
    until(async || looks.load(Ordering::SeqCst) >= 2).await;
    assert!(asleep(&pool).await);
    let producer = PostgresQueue::new(pool.clone());
    producer.enqueue(Job::of_task(1).in_queue("another"), Due::Now).await.unwrap();
    producer.enqueue(Job::of_task(2), Due::In(Duration::from_secs(3600))).await.unwrap();
    assert!(asleep(&pool).await, "nothing has come for who sleeps");
    producer.enqueue(Job::of_task(7), Due::Now).await.unwrap();
    assert!(!asleep(&pool).await, "the next one wakes nobody");
    let taken = tokio::time::timeout(Duration::from_secs(60), waits).await.expect("nobody called").unwrap();
    assert_eq!(taken.iter().map(|delivery| delivery.job.task_id).collect::<Vec<_>>(), [7]);
    let counts = queue.counts().await.unwrap();
    let counts: Vec<_> =
        counts.iter().map(|count| (count.queue.as_str(), count.due, count.later, count.taken)).collect();
    assert_eq!(counts, [("another", 1, 0, 0), (DEFAULT_QUEUE, 0, 1, 1)]);
    database.drop().await;
}

#[tokio::test]
async fn who_sleeps_is_notified_of_a_job_that_is_put_back() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let queue = PostgresQueue::new(pool.clone());
    let queues = [DEFAULT_QUEUE.to_owned()];
    queue.enqueue(Job::of_task(1), Due::Now).await.unwrap();
    queue.enqueue(Job::of_task(2), Due::Now).await.unwrap();
    let taken = queue.take(&queues, 9).await.unwrap();
    assert_eq!(queue.take(&queues, 9).await.unwrap(), []);
    assert!(asleep(pool).await);
    assert!(queue.put_back(&taken[0], Due::In(Duration::from_secs(3600))).await.unwrap());
    assert!(asleep(pool).await, "nothing has come for who sleeps");
    assert!(queue.put_back(&taken[1], Due::Now).await.unwrap());
    assert!(!asleep(pool).await);
    assert!(!queue.put_back(&taken[1], Due::Now).await.unwrap());
    assert_eq!(queue.take(&queues, 9).await.unwrap()[0].job.task_id, 2);
    database.drop().await;
}

/// Stands still, waits for nothing, and tells how long it was asked to.
#[derive(Debug, Default)]
struct Noting(SystemClock, Mutex<Vec<Duration>>);

impl Clock for Noting {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.1.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }

    fn wall_time(&self) -> NaiveDateTime {
        self.0.wall_time()
    }
}

/// Whoever is about to take a job over, or is stuck with one that is due, makes no other look again and again.
#[tokio::test]
async fn what_somebody_holds_is_not_asked_for_at_once() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let clock = Arc::new(Noting::default());
    let queue = PostgresQueue::new(pool.clone()).with_clock(clock.clone()).without_listening();
    let queues = [DEFAULT_QUEUE.to_owned()];
    let over = "update tasker_engine.job set taken_until = now() - interval '1 second' where task_id = $1";
    let due = "update tasker_engine.job set due_at = now(), in_line = false where task_id = $1";
    for (task_id, late) in [(1, over), (2, due)] {
        queue.enqueue(Job::of_task(task_id), Due::Now).await.unwrap();
        sqlx::query(late).bind(task_id).execute(pool).await.unwrap();
        let mut holder = pool.begin().await.unwrap();
        sqlx::raw_sql("select 1 from tasker_engine.job for update").execute(&mut *holder).await.unwrap();
        assert_eq!(queue.take(&queues, 9).await.unwrap(), []);
        queue.wait(&queues, 0, None).await;
        holder.rollback().await.unwrap();
        let taken = queue.take(&queues, 9).await.unwrap();
        assert_eq!(taken.iter().map(|delivery| delivery.job.task_id).collect::<Vec<_>>(), [task_id]);
        assert!(queue.acknowledge(&taken[0]).await.unwrap());
    }
    assert_eq!(*clock.1.lock().unwrap(), [Duration::from_millis(50); 2]);
    database.drop().await;
}

#[tokio::test]
async fn who_does_not_listen_leaves_no_bell() {
    let database = TestDatabase::with_schema().await;
    let queue = PostgresQueue::new(database.pool().clone()).without_listening();
    assert_eq!(queue.take(&[DEFAULT_QUEUE.to_owned()], 9).await.unwrap(), []);
    assert!(!asleep(database.pool()).await);
    database.drop().await;
}

/// What is far away in the queue costs nothing when a job is taken: neither those that wait for an instant nor those of
/// other queues are read, also where the tables were analysed while they were empty.
#[tokio::test]
async fn what_is_not_due_is_not_read() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let queue = PostgresQueue::new(pool.clone()).without_listening();
    sqlx::raw_sql(
        "analyze tasker_engine.job;
         insert into tasker_engine.job (queue, task_id, priority, unique_key, due_at, rank, in_line)
         select 'tasker', n, 9, 'k' || n, now() + interval '1 hour', now() + interval '51 minutes', false from generate_series(1, 20000) n;
         insert into tasker_engine.job (queue, task_id, priority, unique_key, due_at, rank, in_line)
         select 'other', n, 0, 'k' || n, now(), now(), true from generate_series(1, 20000) n",
    )
    .execute(pool)
    .await
    .unwrap();
    queue.enqueue(Job::of_task(7), Due::Now).await.unwrap();
    let read = "select sum(coalesce(pg_stat_get_xact_tuples_fetched(c.oid), 0) + coalesce(pg_stat_get_xact_tuples_returned(c.oid), 0))::bigint
        from pg_class c where c.oid in ('tasker_engine.job'::regclass, 'tasker_engine.job_line'::regclass, 'tasker_engine.job_later'::regclass,
        'tasker_engine.job_lease'::regclass, 'tasker_engine.job_key'::regclass, 'tasker_engine.job_pkey'::regclass)";
    let mut connection = pool.acquire().await.unwrap();
    sqlx::raw_sql("begin").execute(&mut *connection).await.unwrap();
    let kinds: Vec<String> =
        sqlx::query_scalar("select kind::text from tasker_engine.take_jobs_1(array['tasker'], 10, 60, false, null)")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    assert_eq!(kinds, ["j", "w"]);
    let rows: i64 = sqlx::query_scalar(read).fetch_one(&mut *connection).await.unwrap();
    assert!((1..40).contains(&rows), "{rows} rows were read");
    sqlx::raw_sql("rollback").execute(&mut *connection).await.unwrap();
    drop(connection);
    database.drop().await;
}

/// Nor does a sweep read the steps that wait for an instant to come.
#[tokio::test]
async fn a_sweep_reads_nothing_of_what_is_not_due() {
    let world = World::new(Stumbling::default()).await;
    world.submit().await;
    let pool = world.pool();
    sqlx::raw_sql(
        "analyze tasker_engine.later;
         insert into tasker_engine.lane (named_task_id, queue, handler) select 1, 'q' || n, 'H' from generate_series(1, 20) n;
         insert into tasker_engine.later (lane, wake_at, step_id)
         select lane_id, now() + interval '1 hour', -n from tasker_engine.lane cross join generate_series(1, 1000) n",
    )
    .execute(pool)
    .await
    .unwrap();
    let mut connection = pool.acquire().await.unwrap();
    sqlx::raw_sql("begin").execute(&mut *connection).await.unwrap();
    let due: Vec<i64> = sqlx::query_scalar(
        "select step_id from tasker_engine.due_steps_1(false, 0, '-infinity', 0, 1000, 0, null, now())",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    assert_eq!(due, [0; 0]);
    let rows: i64 = sqlx::query_scalar(
        "select (pg_stat_get_xact_tuples_fetched('tasker_engine.later'::regclass)
           + pg_stat_get_xact_tuples_returned('tasker_engine.later'::regclass)
           + pg_stat_get_xact_tuples_returned('tasker_engine.later_order'::regclass))::bigint",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    assert!(rows < 50, "{rows} rows were read");
    sqlx::raw_sql("rollback").execute(&mut *connection).await.unwrap();
    drop(connection);
    world.database.drop().await;
}
