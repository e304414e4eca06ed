//! Worker processes that are killed, at random and at chosen moments, while people act at random.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tasker_core::Output;
use tasker_core::clock::{Clock, SystemClock};
use tasker_core::entropy::Entropy;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{Ledger, LedgerError, Operator, StepChange, TaskChange};
use tasker_testing::TestDatabase;
use tasker_testing::proxy::Proxy;

use crate::support::{
    LONG, Logged, Process, diamond, duration, empty, judge, make_log, pause, rebuild_changes_nothing, seed,
    submit_random, tasker, until_all_ended,
};

/// One thing that a person does to a task or step, legal or not.
async fn act(ledger: &Ledger, chance: &mut StdRng, tasks: &[i64]) {
    let by = Operator { actor: "somebody", reason: "at random", now: None, dry_run: false };
    let task_id = *tasks.choose(chance).unwrap();
    let done = if chance.random_bool(0.5) {
        let change = match chance.random_range(0..12) {
            0..2 => TaskChange::Operation(TaskOperation::Cancel),
            2..6 => TaskChange::Operation(TaskOperation::Retry),
            6..7 => TaskChange::Operation(TaskOperation::Resolve),
            7..9 => TaskChange::Pause,
            9..11 => TaskChange::Resume,
            _ => TaskChange::Priority(chance.random_range(-5..=5)),
        };
        ledger.change_tasks(&[task_id], change, by).await.map(drop)
    } else {
        let steps: Vec<i64> =
            sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps where task_id = $1")
                .bind(task_id)
                .fetch_all(ledger.pool())
                .await
                .unwrap();
        let change = match chance.random_range(0..6) {
            0 => StepChange::Cancel,
            1 => StepChange::Resolve,
            2 => StepChange::Complete { results: Output::from(json!({ "by": "hand" })).into_raw() },
            3 => StepChange::Bypass,
            4 => StepChange::Retry { attempts: 3 },
            _ => StepChange::Limit { attempts: chance.random_range(1..6) },
        };
        ledger.change_step(*steps.choose(chance).unwrap(), &change, by).await.map(drop)
    };
    match done {
        Ok(()) | Err(LedgerError::Busy(_) | LedgerError::Contended(_) | LedgerError::Held(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_killed_while_people_interfere_lose_nothing() {
    const WORKERS: usize = 3;
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let tasker = tasker(pool, Logged::new(database.options(), seed, 40));
    let mut tasks = submit_random(&tasker, seed, 12, 12).await;
    let what = format!("{seed} 40");
    let start = || Process::start(&database.options(), &database.options(), &what);
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| start()).collect();
    let mut chance = StdRng::seed_from_u64(seed);
    let clock = SystemClock::new();
    let until = clock.elapsed() + duration(Duration::from_secs(20));
    let (mut kills, mut acts, mut rounds) = (0, 0, 0);
    while clock.elapsed() < until {
        pause(chance.random_range(50..400)).await;
        for _ in 0..chance.random_range(0..6) {
            act(tasker.ledger(), &mut chance, &tasks).await;
            acts += 1;
        }
        if chance.random_bool(0.4) {
            workers.swap_remove(chance.random_range(0..workers.len())).kill();
            workers.push(start());
            kills += 1;
        }
        if chance.random_bool(0.1) {
            kills += workers.len();
            workers.drain(..).for_each(Process::kill);
            // The server notices that they are gone when it next looks at their connections.
            sqlx::query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'test'")
                .execute(pool)
                .await
                .unwrap();
            rebuild_changes_nothing(pool).await;
            workers.extend((0..WORKERS).map(|_| start()));
            tasks.extend(submit_random(&tasker, seed + rounds, 2, 6).await);
            rounds += 1;
        }
    }
    println!("count: {kills} kills, {acts} acts, {rounds} comparisons on the way");
    let by = Operator { actor: "somebody", reason: "the end", now: None, dry_run: false };
    tasker.ledger().change_tasks(&tasks, TaskChange::Resume, by).await.unwrap();
    until_all_ended(pool, LONG).await;
    workers.drain(..).for_each(Process::kill);
    judge(pool).await;
}

/// What is in flight when the worker is killed.
enum Moment {
    /// The call that claims, or that brings outcomes, has left the worker and not reached the server.
    BeforeTheCommit,
    /// The server has committed it and the worker has not heard of it.
    AfterTheCommit,
}

async fn killed_at(moment: Moment) {
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let tasker = tasker(pool, Logged::new(database.options(), seed, 5));
    let mut chance = StdRng::seed_from_u64(seed);
    for _ in 0..6 {
        let requests = (0..20).map(|_| empty()).collect();
        tasker.submit_all(&diamond(""), requests).await.unwrap();
        let proxy = Proxy::start(&database.options(), Entropy::seeded(seed));
        let worker = Process::start(&proxy.options(), &database.options(), &format!("{seed} 5"));
        let executions = async || -> i64 {
            sqlx::query_scalar("select count(*) from faults.execution").fetch_one(pool).await.unwrap()
        };
        let goal = executions().await + chance.random_range(1..40);
        let begun = async {
            while executions().await < goal {
                pause(5).await;
            }
        };
        tokio::time::timeout(LONG, begun).await.expect("steps run");
        match moment {
            Moment::BeforeTheCommit => proxy.hold_requests(true),
            Moment::AfterTheCommit => proxy.hold_replies(true),
        }
        // time for what is held to pile up
        pause(60).await;
        worker.kill();
    }
    let worker = Process::start(&database.options(), &database.options(), &format!("{seed} 5"));
    until_all_ended(pool, LONG).await;
    worker.kill();
    judge(pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_before_its_call_reaches_the_server_loses_nothing() {
    killed_at(Moment::BeforeTheCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_between_commit_and_answer_loses_nothing() {
    killed_at(Moment::AfterTheCommit).await;
}

/// What was committed stands, whether anybody was told of it or not: the process dies when it is told, before whoever is
/// told has done anything about it, and with all that waits to be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_between_commit_and_event_loses_nothing() {
    const DEATHS: u64 = 5;
    let seed = seed();
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    make_log(pool).await;
    let tasker = tasker(pool, Logged::new(database.options(), seed, 5));
    let mut chance = StdRng::seed_from_u64(seed);
    let succeeded = async || -> i64 {
        let sql = "select count(*) from tasker_workflow_step_transitions where to_state = 'complete'";
        sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
    };
    for _ in 0..DEATHS {
        let requests = (0..20).map(|_| empty()).collect();
        tasker.submit_all(&diamond(""), requests).await.unwrap();
        let before = succeeded().await;
        let dies_at: i64 = chance.random_range(1..=12);
        let what = format!("{seed} 5 {dies_at}");
        let mut worker = Process::start(&database.options(), &database.options(), &what);
        let died = async {
            while !worker.has_ended() {
                pause(5).await;
            }
        };
        tokio::time::timeout(LONG, died).await.expect("the worker dies when it is told");
        let committed = succeeded().await - before;
        assert!(committed >= dies_at, "{dies_at} were told and {committed} stand in the rows");
    }
    let worker = Process::start(&database.options(), &database.options(), &format!("{seed} 5"));
    until_all_ended(pool, LONG).await;
    worker.kill();
    judge(pool).await;
}
