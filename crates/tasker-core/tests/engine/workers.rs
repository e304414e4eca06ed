//! Workers that carry out whatever stands in their lanes, and jobs that work one task.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tasker_core::{Because, Handled, Handlers, Progress, Request, StepContext, StepError, Tasker, Work, handler_fn};
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond, template};

const LONG: Duration = Duration::from_secs(60);

fn empty() -> Json {
    Json::parse("{}").unwrap()
}

fn state_counts() -> &'static str {
    "select coalesce(string_agg(state || ' ' || n, ', ' order by state), '') from (
       select coalesce(x.to_state, 'pending') as state, count(*) as n
       from tasker_tasks t left join tasker_task_transitions x on x.task_id = t.task_id and x.most_recent group by 1) s"
}

/// Lets workers work until `tasks` tasks have ended, then drains them.
async fn work_until_ended(taskers: Vec<Tasker>, tasks: usize) -> u64 {
    let drain = CancellationToken::new();
    let left = Arc::new(AtomicUsize::new(tasks));
    let works = taskers.into_iter().map(|tasker| {
        let (drain, left) = (drain.clone(), left.clone());
        tokio::spawn(async move {
            let signal = drain.clone();
            let observer = move |progress: Progress| {
                if matches!(progress, Progress::TaskEnded { .. }) && left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    signal.cancel();
                }
            };
            let work = Work::new().observed_by(&observer).drained_by(drain);
            tasker.work(work).await.unwrap().executions
        })
    });
    let works: Vec<_> = works.collect();
    let mut executions = 0;
    for work in works {
        executions += tokio::time::timeout(LONG, work).await.expect("the tasks come to their end").unwrap();
    }
    executions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_carry_out_what_was_submitted() {
    let bench = Bench::new(Script::default()).await;
    let created =
        bench.tasker().submit_all(&diamond(""), (0..60).map(|_| Request::new(empty())).collect()).await.unwrap();
    assert_eq!(created.iter().map(|task| task.task_id).collect::<HashSet<_>>().len(), 60);
    let executions = work_until_ended(vec![bench.tasker(), bench.tasker()], 60).await;
    assert_eq!(executions, 240);
    let states: String = sqlx::query_scalar(state_counts()).fetch_one(bench.pool()).await.unwrap();
    assert_eq!(states, "complete 60");
    bench.assert_side_tables_empty().await;
    let workers: i64 =
        sqlx::query_scalar("select count(*) from tasker_engine.worker").fetch_one(bench.pool()).await.unwrap();
    assert_eq!(workers, 0, "a worker that was drained leaves the list");
}

#[tokio::test]
async fn a_type_that_is_registered_while_a_worker_works_is_served() {
    let bench = Bench::new(Script::default()).await;
    let first = bench.tasker().submit(&diamond(""), Request::new(empty())).await.unwrap();
    let later = template("", &[("only", "queue: elsewhere")]);
    let drain = CancellationToken::new();
    let (signal, tasker) = (drain.clone(), bench.tasker());
    let (ended, mut told) = tokio::sync::mpsc::unbounded_channel();
    let worker = tokio::spawn({
        let tasker = bench.tasker();
        async move {
            let observer = move |progress: Progress| {
                if let Progress::TaskEnded { task_id, .. } = progress {
                    ended.send(task_id).unwrap();
                }
            };
            tasker.work(Work::new().observed_by(&observer).drained_by(drain)).await.unwrap()
        }
    });
    assert_eq!(told.recv().await, Some(first.task_id));
    let mut renamed = later.clone();
    renamed.name = "later".to_owned();
    let second = tasker.submit(&renamed, Request::new(empty())).await.unwrap();
    let seen = tokio::time::timeout(LONG, told.recv()).await.expect("the new lane is served");
    assert_eq!(seen, Some(second.task_id));
    signal.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn the_same_key_is_the_same_task() {
    let bench = Bench::new(Script::default()).await;
    let request = || Request::new(empty()).with_key("order 4711");
    let first = bench.tasker().submit(&diamond(""), request()).await.unwrap();
    let second = bench.tasker().submit(&diamond(""), request()).await.unwrap();
    assert!(first.created && !second.created);
    assert_eq!(first.task_id, second.task_id);
}

#[tokio::test]
async fn a_task_does_not_start_before_its_time() {
    let bench = Bench::new(Script::default()).await;
    use tasker_core::clock::Clock;
    let start = bench.clock.wall_time() + chrono::TimeDelta::minutes(5);
    bench.tasker().submit(&diamond(""), Request::new(empty()).not_before(start)).await.unwrap();
    work_until_ended(vec![bench.tasker()], 1).await;
    let early: i64 = sqlx::query_scalar("select count(*) from tasker_workflow_step_transitions where created_at < $1")
        .bind(start)
        .fetch_one(bench.pool())
        .await
        .unwrap();
    assert_eq!(early, 0);
    assert_eq!(bench.script.ran().len(), 4);
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn a_job_works_a_task_as_far_as_it_goes() {
    let script = Script::default().on("b", |step: &StepContext| match step.attempt() {
        1 => Err(StepError::failure("not yet")),
        _ => Ok(json!({})),
    });
    let bench = Bench::new(script).await;
    let task = bench.tasker().submit(&diamond(""), Request::new(empty())).await.unwrap();
    let handled = bench.tasker().handle_task(task.task_id, CancellationToken::new()).await.unwrap();
    let Handled::Again { after, because: Because::StepWaitsForItsTime } = handled else { panic!("{handled:?}") };
    assert!(after >= Duration::from_secs(2) && after <= Duration::from_millis(2200), "{after:?}");
    let again = bench.tasker().handle_task(task.task_id, CancellationToken::new()).await.unwrap();
    assert!(matches!(again, Handled::Again { .. }), "it is not due yet: {again:?}");
    bench.clock.advance(after);
    let done = bench.tasker().handle_task(task.task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(done, Handled::AtRest { state: TaskState::Complete });
    let once_more = bench.tasker().handle_task(task.task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(once_more, Handled::AtRest { state: TaskState::Complete });
    bench.assert_side_tables_empty().await;
}

/// Eight jobs are told to work the same task at the same moment; each step runs once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn jobs_that_work_one_task_together_run_each_step_once() {
    let bench = Bench::new(Script::default()).await;
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let handler = handler_fn(move |_: StepContext| {
        let count = count.clone();
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            Ok::<_, StepError>(tasker_core::Output::from(json!({})))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let steps: Vec<(String, String)> = (0..10)
        .map(|place| {
            (format!("s{place}"), if place < 5 { String::new() } else { format!("depends_on_step: s{}", place - 5) })
        })
        .collect();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let wide = template("", &steps);
    for round in 1..=10 {
        let task = tasker.submit(&wide, Request::new(empty())).await.unwrap();
        let jobs = (0..8).map(|_| {
            let tasker = tasker.clone();
            tokio::spawn(async move {
                loop {
                    match tasker.handle_task(task.task_id, CancellationToken::new()).await.unwrap() {
                        Handled::AtRest { state } => return state,
                        Handled::Again { .. } => tokio::task::yield_now().await,
                    }
                }
            })
        });
        for job in jobs.collect::<Vec<_>>() {
            assert_eq!(tokio::time::timeout(LONG, job).await.unwrap().unwrap(), TaskState::Complete);
        }
        assert_eq!(ran.load(Ordering::SeqCst), 10 * round);
    }
    bench.assert_side_tables_empty().await;
}

/// A worker that is full of long chains still lets a task through that has waited longer.
#[tokio::test]
async fn long_chains_do_not_keep_others_out() {
    let bench = Bench::new(Script::default()).await;
    let steps: Vec<(String, String)> = (0..200)
        .map(|place| {
            (format!("s{place}"), if place == 0 { String::new() } else { format!("depends_on_step: s{}", place - 1) })
        })
        .collect();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
    let chain = template("", &steps);
    let mut short = template("", &[("quick", "")]);
    short.name = "short".to_owned();
    let tasker = bench.tasker().with_concurrency(2);
    tasker.submit_all(&chain, vec![Request::new(empty()), Request::new(empty())]).await.unwrap();
    tasker.submit(&short, Request::new(empty())).await.unwrap();
    work_until_ended(vec![tasker], 3).await;
    let place = bench.script.ran().iter().position(|(step, _)| step == "quick").unwrap();
    assert!(place < 100, "the short task ran after {place} steps of the chains");
}

/// Two calls in flight carry the tasks of even and of odd ids. One outcome of the one half does not wait until a crowd of the other
/// is through, although it is not worth a call beside theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_does_not_keep_the_outcome_of_another_task_back() {
    const CROWD: usize = 3_000;
    let bench = Bench::new(Script::default()).await;
    let wide: Vec<(String, &str)> = (0..CROWD).map(|place| (format!("s{place}"), "depends_on_step: root")).collect();
    let wide: Vec<(&str, &str)> =
        [("root", "")].into_iter().chain(wide.iter().map(|(name, more)| (name.as_str(), *more))).collect();
    let mut alone = template("", &[("alone", "")]);
    alone.name = "alone".to_owned();
    let (ran, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
    let handler = {
        let (ran, enough) = (ran.clone(), enough.clone());
        handler_fn(move |step: StepContext| {
            let (ran, enough) = (ran.clone(), enough.clone());
            async move {
                if step.step_name() == "alone" {
                    enough.notified().await;
                } else if ran.fetch_add(1, Ordering::SeqCst) == 300 {
                    enough.notify_one();
                }
                Ok(json!({}))
            }
        })
    };
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap().with_concurrency(100);
    let crowd = tasker.submit(&template("", &wide), Request::new(empty())).await.unwrap().task_id;
    let single = tasker.submit(&alone, Request::new(empty())).await.unwrap().task_id;
    assert_ne!(single % 2, crowd % 2);
    let (drain, at_its_end) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let observer = {
        let (drain, at_its_end, ran) = (drain.clone(), at_its_end.clone(), ran.clone());
        move |progress: Progress| match progress {
            Progress::TaskEnded { task_id, .. } if task_id == single => {
                at_its_end.store(ran.load(Ordering::SeqCst), Ordering::SeqCst)
            }
            Progress::TaskEnded { .. } => drain.cancel(),
            _ => {}
        }
    };
    let work = tasker.work(Work::new().observed_by(&observer).drained_by(drain));
    tokio::time::timeout(LONG, work).await.expect("both come to their end").unwrap();
    let at_its_end = at_its_end.load(Ordering::SeqCst);
    assert!((300..700).contains(&at_its_end), "it ended after {at_its_end} steps of the crowd, and could after 300");
}

/// B-CON-037 to B-CON-039: one id in our form for everything that belongs together, or the one that was handed in.
#[tokio::test]
async fn the_steps_of_a_run_share_a_correlation_id() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let remember = seen.clone();
    let bench = Bench::new(Script::default()).await;
    let handler = handler_fn(move |step: StepContext| {
        remember.lock().unwrap().push(step.correlation_id().unwrap().to_string());
        async move { Ok::<_, StepError>(tasker_core::Output::from(json!({}))) }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    tasker.run(&diamond(""), empty()).await.unwrap();
    tasker.run(&diamond(""), empty()).await.unwrap();
    let given = tasker.with_correlation_id("order-4711".parse().unwrap());
    given.run(&diamond(""), empty()).await.unwrap();
    let ids = seen.lock().unwrap().clone();
    let first: HashSet<&String> = ids[..4].iter().collect();
    let second: HashSet<&String> = ids[4..8].iter().collect();
    assert_eq!((first.len(), second.len()), (1, 1), "{ids:?}");
    assert!(first.is_disjoint(&second), "{ids:?}");
    let parts: Vec<&str> = ids[0].split('_').collect();
    assert!(parts[0] == "tsk" && parts.len() == 3 && parts[2].len() == 6, "{}", ids[0]);
    assert!(parts[1..].iter().all(|part| part.chars().all(|letter| letter.is_ascii_alphanumeric())), "{}", ids[0]);
    assert!(ids[8..].iter().all(|id| id == "order-4711"), "{ids:?}");
    // B-ORC-088: so does a job.
    let task = given.submit(&diamond(""), Request::new(empty())).await.unwrap();
    seen.lock().unwrap().clear();
    given.handle_task(task.task_id, CancellationToken::new()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["order-4711"; 4]);
    for bad in ["", "_a", "-a", "a b", "ä", &"a".repeat(101)] {
        assert!(bad.parse::<tasker_domain::correlation::CorrelationId>().is_err(), "{bad:?}");
    }
}
