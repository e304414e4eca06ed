//! Connections that break between commit and answer, or before the call, or that the server ends.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use tasker_core::Tasker;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::entropy::Entropy;
use tasker_core::orchestration::Pulse;
use tasker_testing::TestDatabase;
use tasker_testing::proxy::Proxy;

use crate::support::{
    Here, LONG, Logged, diamond, duration, empty, judge, make_log, pause, seed, submit_random, tasker, until_all_ended,
};

async fn through(proxy: &Proxy, database: &TestDatabase, seed: u64) -> Tasker {
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .connect_lazy_with(proxy.options());
    tasker(&pool, Logged::new(database.options(), seed, 10))
}

async fn with_cuts(cut: impl Fn(&Proxy, f64), seed: u64) {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let direct = tasker(pool, Logged::new(database.options(), seed, 10));
    let proxy = Proxy::start(&database.options(), Entropy::seeded(seed));
    let workers = [through(&proxy, &database, seed).await, through(&proxy, &database, seed).await];
    // a batch is large when much is there at once, and small when little is
    submit_random(&direct, seed, 6, 20).await;
    let workers = workers.map(Here::start);
    cut(&proxy, 0.03);
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(6));
    let mut round = 0;
    while clock.elapsed() < until {
        submit_random(&direct, seed + round, 2, 3).await;
        round += 1;
        pause(50).await;
    }
    until_all_ended(pool, LONG).await;
    cut(&proxy, 0.0);
    println!("count: {} cuts of {} calls", proxy.cuts(), proxy.statements());
    assert!(proxy.cuts() > 5, "{} cuts", proxy.cuts());
    for worker in workers {
        worker.end().await;
    }
    judge(pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_lost_after_the_commit_cost_nothing() {
    with_cuts(Proxy::cut_replies, seed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_never_arrive_cost_nothing() {
    with_cuts(Proxy::cut_requests, seed()).await;
}

/// Two workers, named `one` and `two`, with whose sessions a statement interferes that counts how many of them it met.
async fn with_sessions(interfere: &'static str, every: u64) {
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let direct = tasker(pool, Logged::new(database.options(), seed, 10));
    let own = |name: &str| {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .connect_lazy_with(database.options().application_name(name));
        tasker(&pool, Logged::new(database.options(), seed, 10))
    };
    let workers = [own("one"), own("two")].map(Here::start);
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(6));
    let (mut ended, mut round) = (0, 0);
    while clock.elapsed() < until {
        submit_random(&direct, seed + round, 2, 4).await;
        round += 1;
        for _ in 0..60 / every {
            ended += sqlx::query_scalar::<_, i64>(interfere).fetch_one(pool).await.unwrap();
            pause(every).await;
        }
    }
    println!("count: {ended} times");
    assert!(ended > 20);
    until_all_ended(pool, LONG).await;
    for worker in workers {
        worker.end().await;
    }
    judge(pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ends_cost_nothing() {
    let interfere = "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name in ('one', 'two') and random() < 0.3) x";
    with_sessions(interfere, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_are_cancelled_cost_nothing() {
    let interfere = "select count(*) from (select pg_cancel_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name in ('one', 'two') and state = 'active') x";
    with_sessions(interfere, 5).await;
}

/// An idle worker asks its database at most twice a second, all its connections together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_asks_little() {
    const SECONDS: u64 = 15;
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let proxy = Proxy::start(&database.options(), Entropy::seeded(1));
    let tasker = through(&proxy, &database, 1).await.with_pulse(Pulse::WORKER);
    let worker = Here::start(tasker.clone());
    tasker.submit(&diamond(""), empty()).await.unwrap();
    until_all_ended(pool, LONG).await;
    pause(1000).await;
    let before = proxy.statements();
    pause(SECONDS * 1000).await;
    let asked = proxy.statements() - before;
    println!("count: {asked} statements in {SECONDS} s");
    assert!(asked <= 2 * SECONDS, "{asked} in {SECONDS} s");
    assert!(asked >= SECONDS / 2, "{asked} in {SECONDS} s: it does not look for itself");
    worker.end().await;
}

/// While the database is away, finished results are kept; they are delivered when it is back, if the claims still hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_kept_while_the_database_is_away() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let proxy = Proxy::start(&database.options(), Entropy::seeded(1));
    let far = through(&proxy, &database, 1)
        .await
        .with_pulse(Pulse { every: Duration::from_millis(300), lease: Duration::from_secs(60) });
    let (began, may_end) =
        (std::sync::Arc::new(tokio::sync::Notify::new()), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (tell, wait) = (began.clone(), may_end.clone());
    let handler = tasker_core::handler_fn(move |step: tasker_core::StepContext| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            if step.step_name() == "a" {
                tell.notify_one();
                wait.notified().await;
            }
            Ok::<_, tasker_core::StepError>(tasker_core::Output::from(serde_json::json!({ "kept": true })))
        }
    });
    let far = Tasker::new(far.ledger().pool().clone(), tasker_core::Handlers::new().with("H", handler))
        .unwrap()
        .with_pulse(Pulse { every: Duration::from_millis(300), lease: Duration::from_secs(60) });
    let worker = Here::start(far);
    tasker(pool, Logged::new(database.options(), 1, 0)).submit(&diamond(""), empty()).await.unwrap();
    tokio::time::timeout(LONG, began.notified()).await.expect("a runs");
    proxy.cut_requests(1.0);
    proxy.cut_all();
    may_end.notify_one();
    pause(1500).await;
    let state: String =
        sqlx::query_scalar("select string_agg(to_state, ' ') from tasker_workflow_step_transitions where most_recent")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(state, "in_progress", "nothing arrives while the connection is away");
    proxy.cut_requests(0.0);
    until_all_ended(pool, LONG).await;
    let claims: i64 =
        sqlx::query_scalar("select count(*) from tasker_workflow_step_transitions where to_state = 'in_progress'")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(claims, 4, "nothing was done twice");
    worker.end().await;
    judge(pool).await;
}
