//! Rebuilding the side tables: what comes out equals what the engine itself had kept, and work goes on from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;
use tasker_core::orchestration::Pulse;
use tasker_core::postgres::maintenance::{Reindex, Reindexed, reindex};
use tasker_core::{Ending, Handlers, Run, StepContext, StepError, Tasker, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_testing::TestDatabase;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, template};

const QUICK: Pulse = Pulse { every: Duration::from_millis(50), lease: Duration::from_millis(400) };

async fn execute(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

async fn rebuilt(pool: &PgPool) -> Reindexed {
    reindex(pool, Reindex::default(), &mut |_| {}).await.unwrap()
}

/// Steps in any order, each after some of those that come before it in another order: no cycle, and children that are
/// made before their parents.
fn random_template(source: &mut StdRng, head: &str) -> Template {
    let count = source.random_range(4..14);
    let mut steps: Vec<(String, String)> = (0..count)
        .map(|number| {
            let parents: Vec<String> =
                (0..number).filter(|_| source.random_range(0..100) < 28).map(|parent| format!("s{parent}")).collect();
            let limit = source.random_range(1..4);
            (format!("s{number}"), format!("depends_on_steps: [{}], default_retry_limit: {limit}", parents.join(", ")))
        })
        .collect();
    steps.shuffle(source);
    let steps: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    template(head, &steps)
}

/// How an attempt ends; the same for the same seed, whoever asks in whatever order.
fn fate(seed: u64, step: &StepContext) -> Result<serde_json::Value, StepError> {
    let place: u64 = step.step_name()[1..].parse().unwrap();
    let chance = StdRng::seed_from_u64(seed * 1_000_003 + place * 101 + u64::from(step.attempt())).random_range(0..100);
    match chance {
        0..25 => Err(StepError::failure("busy")),
        25..30 => Err(StepError::retryable("limited").retry_after(Duration::from_secs(45))),
        30..33 => Err(StepError::permanent("declined")),
        _ => Ok(serde_json::json!({ "by": step.step_name() })),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum CutOff {
    /// Told to stop: everything is handed back.
    Stopped,
    /// Killed: claims and the worker's row stay.
    Killed,
}

/// Runs a new task until its handlers have been called `calls` times.
async fn run_in_part(bench: &Bench, template: &Template, seed: u64, calls: u32, cut_off: CutOff) {
    let stop = CancellationToken::new();
    let killed = CancellationToken::new();
    let called = Arc::new(AtomicU32::new(0));
    let handler = handler_fn({
        let (stop, killed) = (stop.clone(), killed.clone());
        move |step: StepContext| {
            let (stop, killed, called) = (stop.clone(), killed.clone(), called.clone());
            async move {
                let number = called.fetch_add(1, Ordering::SeqCst) + 1;
                if number >= calls {
                    if cut_off == CutOff::Killed {
                        killed.cancel();
                        std::future::pending::<()>().await;
                    }
                    stop.cancel();
                }
                fate(seed, &step)
            }
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler))
        .unwrap()
        .with_clock(Arc::new(bench.clock.clone()))
        .with_pulse(QUICK)
        .allowing_redefinition();
    let run = Run::new(template, Json::parse("{}").unwrap()).until(stop);
    tokio::select! {
        ended = tasker.start(run) => { ended.unwrap(); }
        () = killed.cancelled() => {}
    }
}

const COPY: &str = "
    create table copied_queue as table tasker_engine.queue; create table copied_ready as table tasker_engine.ready;
    create table copied_later as table tasker_engine.later; create table copied_task as table tasker_engine.task";

/// Everything but the places in the line, and the counters of tasks that have ended, which nobody reads: each row that
/// one side has and the other has not.
const DIFFERENCES: &str = "
    with now_there as (
      select 'queue' as what, jsonb_build_array(step_id, task_id, ix, lane, priority, unmet, owner, token, attempts, attempts_allowed, dead) as line from tasker_engine.queue
      union all select 'ready', jsonb_build_array(lane, step_id) from tasker_engine.ready
      union all select 'later', jsonb_build_array(lane, step_id, wake_at) from tasker_engine.later
      union all select 'task', case when t.ended then jsonb_build_array(task_id, ended, running) else to_jsonb(t) end from tasker_engine.task t
    ), before as (
      select 'queue' as what, jsonb_build_array(step_id, task_id, ix, lane, priority, unmet, owner, token, attempts, attempts_allowed, dead) as line from copied_queue
      union all select 'ready', jsonb_build_array(lane, step_id) from copied_ready
      union all select 'later', jsonb_build_array(lane, step_id, wake_at) from copied_later
      union all select 'task', case when t.ended then jsonb_build_array(task_id, ended, running) else to_jsonb(t) end from copied_task t
    )
    select format('%s now %s', what, line) from (table now_there except all table before) x
    union all select format('%s before %s', what, line) from (table before except all table now_there) y
    order by 1";

async fn differences(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(DIFFERENCES).fetch_all(pool).await.unwrap()
}

/// Everything is wrong except who holds what.
const SCRAMBLE: &str = "
    update tasker_engine.queue set task_id = 4711, ix = 99, lane = 5, priority = 3, unmet = unmet + 2,
      rank = rank + interval '1 year', attempts = 9, attempts_allowed = 1, dead = not dead;
    update tasker_engine.task set remaining = 99, alive = -1, waiting = 5, running = not running, ended = not ended,
      halted = not halted, fail_fast = not fail_fast, last_at = now() + interval '1 year';
    delete from tasker_engine.later; delete from tasker_engine.ready;
    insert into tasker_engine.ready (lane, rank, step_id) select 5, rank, step_id from tasker_engine.queue;
    insert into tasker_engine.later (lane, wake_at, step_id) values (77, now(), 4711)";

/// Nothing is left but what cannot be known from the record.
const EMPTY: &str = "
    truncate tasker_engine.queue, tasker_engine.ready, tasker_engine.later;
    update tasker_engine.task set remaining = 0, alive = 0, waiting = 0, running = false, ended = true";

/// The queue is right; the line has everything twice, claims included, and nothing waits.
const CROWD: &str = "
    delete from tasker_engine.later; delete from tasker_engine.ready;
    insert into tasker_engine.ready (lane, rank, step_id) select lane, rank, step_id from tasker_engine.queue, generate_series(1, 2)";

/// Begins a task for each seed, wrecks the side tables, rebuilds and finishes all of them.
async fn wrecked_and_rebuilt(seeds: std::ops::Range<u64>, cut_off: CutOff, wreck: &'static str) -> Reindexed {
    let bench = Bench::new(Script::default()).await;
    let pool = bench.pool();
    let mut templates = Vec::new();
    for seed in seeds.clone() {
        let mut source = StdRng::seed_from_u64(seed);
        let heads = ["jitter: false", "jitter: false\nfail_fast: true", ""];
        let head = heads[if wreck == CROWD { 2 } else { seed as usize % 2 }];
        let template = random_template(&mut source, head);
        let calls = source.random_range(1..template.steps.len() as u32 + 3);
        run_in_part(&bench, &template, seed, calls, cut_off).await;
        templates.push(template);
    }
    execute(pool, COPY).await;
    let open: i64 =
        sqlx::query_scalar("select count(*) from copied_task where not ended").fetch_one(pool).await.unwrap();
    assert!(open > 0, "some tasks are to be rebuilt");
    let untouched = rebuilt(pool).await;
    assert_eq!((untouched.looked_at, untouched.rebuilt, untouched.swept), (templates.len() as u64, open as u64, 0));
    assert_eq!(differences(pool).await, Vec::<String>::new(), "a rebuild changes nothing that is right");

    execute(pool, wreck).await;
    assert_ne!(differences(pool).await, Vec::<String>::new(), "the wreck is one");
    let done = rebuilt(pool).await;
    assert_eq!((done.stalled.len(), done.unfit.len(), done.busy.len()), (0, 0, 0));
    if !(wreck == EMPTY && cut_off == CutOff::Killed) {
        assert_eq!(differences(pool).await, Vec::<String>::new(), "the rebuilt rows are those that were");
        assert_eq!(done.abandoned, 0);
    }

    // The tasks go on from what was rebuilt, and nothing is left of them.
    let tasks: Vec<i64> =
        sqlx::query_scalar("select task_id from tasker_tasks order by task_id").fetch_all(pool).await.unwrap();
    for ((task_id, template), seed) in tasks.into_iter().zip(&templates).zip(seeds) {
        let handler = handler_fn(move |step: StepContext| async move { fate(seed, &step) });
        let tasker = Tasker::new(pool.clone(), Handlers::new().with("H", handler))
            .unwrap()
            .with_clock(Arc::new(bench.clock.clone()))
            .with_pulse(QUICK)
            .allowing_redefinition();
        let report = tasker.start(Run::resume(template, task_id)).await.unwrap();
        assert!(matches!(report.ending, Ending::Complete | Ending::Error), "seed {seed}: {:?}", report.ending);
    }
    bench.assert_side_tables_empty().await;
    let beyond: Vec<String> = sqlx::query_scalar(
        "select format('%s: %s of %s', s.workflow_step_id, s.attempts, s.retry_limit) from tasker_workflow_steps s
         where s.attempts > greatest(s.retry_limit, 1)",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(beyond, Vec::<String>::new(), "attempts beyond the limit");
    bench.database.drop().await;
    done
}

#[tokio::test]
async fn what_was_scrambled_is_rebuilt_as_it_was() {
    wrecked_and_rebuilt(0..30, CutOff::Stopped, SCRAMBLE).await;
}

#[tokio::test]
async fn what_was_emptied_is_rebuilt_as_it_was() {
    wrecked_and_rebuilt(100..130, CutOff::Stopped, EMPTY).await;
}

#[tokio::test]
async fn claims_and_waits_stay_as_they_are() {
    wrecked_and_rebuilt(200..208, CutOff::Killed, CROWD).await;
    wrecked_and_rebuilt(210..218, CutOff::Killed, SCRAMBLE).await;
}

#[tokio::test]
async fn an_attempt_whose_claim_was_lost_is_taken_over() {
    let done = wrecked_and_rebuilt(300..308, CutOff::Killed, EMPTY).await;
    assert!(done.abandoned >= 4, "attempts were under way: {}", done.abandoned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_safe_beside_workers() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool().clone();
    let mut steps: Vec<(String, String)> = vec![("last".to_owned(), String::new())];
    for number in 0..24 {
        let parent = if number < 6 { String::new() } else { format!("depends_on_step: s{}", number - 6) };
        steps.push((format!("s{number}"), parent));
    }
    steps[0].1 = "depends_on_steps: [s18, s19, s20, s21, s22, s23]".to_owned();
    let borrowed: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let template = Arc::new(template("", &borrowed));
    let handler = handler_fn(|_: StepContext| async { Ok(serde_json::json!({})) });
    let tasker = Tasker::new(pool.clone(), Handlers::new().with("H", handler)).unwrap().with_concurrency(3);
    tasker.ledger().register(&template, false).await.unwrap();
    let running: Vec<_> = (0..4)
        .map(|_| {
            let (tasker, template) = (tasker.clone(), template.clone());
            tokio::spawn(async move {
                for _ in 0..4 {
                    let report = tasker.run(&template, Json::parse("{}").unwrap()).await.unwrap();
                    assert_eq!(report.ending, Ending::Complete);
                    assert_eq!(report.executions, 25, "no step ran twice");
                }
            })
        })
        .collect();
    let mut rounds = 0;
    while !running.iter().all(tokio::task::JoinHandle::is_finished) {
        let done = rebuilt(&pool).await;
        assert_eq!((done.abandoned, done.elsewhere, done.swept), (0, 0, 0));
        assert_eq!((done.unfit, done.busy), (vec![], vec![]));
        rounds += 1;
    }
    for run in running {
        run.await.unwrap();
    }
    assert!(rounds > 0, "rebuilt {rounds} times beside the workers");
    for table in ["queue", "ready", "later"] {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from tasker_engine.{table}"));
        assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap(), 0, "{table}");
    }
    pool.close().await;
    database.drop().await;
}

#[tokio::test]
async fn what_others_have_in_progress_is_theirs() {
    let bench = Bench::new(Script::default()).await;
    let template =
        template("jitter: false", &[("s0", ""), ("s1", "depends_on_step: s0"), ("s2", "depends_on_step: s1")]);
    run_in_part(&bench, &template, 400, 1, CutOff::Stopped).await;
    let pool = bench.pool();
    // Another program, which knows nothing of the side tables, begins the next open step.
    execute(
        pool,
        "update tasker_workflow_step_transitions set most_recent = false
           where workflow_step_id = (select min(workflow_step_id) from tasker_workflow_steps where not processed);
         insert into tasker_workflow_step_transitions (to_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         select 'in_progress', '{}', 500, true, min(workflow_step_id), now(), now() from tasker_workflow_steps where not processed",
    )
    .await;
    let done = rebuilt(pool).await;
    assert_eq!((done.elsewhere, done.abandoned), (1, 0));
    let claimable: i64 = sqlx::query_scalar("select count(*) from tasker_engine.ready").fetch_one(pool).await.unwrap();
    assert_eq!(claimable, 0, "it is not offered to anybody");
    let counters: (i32, bool) =
        sqlx::query_as("select alive, ended from tasker_engine.task").fetch_one(pool).await.unwrap();
    assert_eq!(counters, (1, false), "and the task waits for it");
}
