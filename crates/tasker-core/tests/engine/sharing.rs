//! Sharing tables with Rails: tasks that others created, steps that others change, locks that others hold (R-33, R-34).

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;
use tasker_core::orchestration::Progress;
use tasker_core::{Handlers, Request, StepContext, Tasker, Work};
use tasker_domain::json::Json;
use tasker_domain::template::Template;
use tasker_domain::why;
use tasker_postgres::ledger::{Ledger, Lookout};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond, template};

const LONG: Duration = Duration::from_secs(60);

/// A task as a program of another house leaves it: its row, steps and edges, and no history. The type must be registered.
pub(crate) async fn foreign_task(pool: &PgPool, of: &Template) -> (i64, Vec<i64>) {
    let mut transaction = pool.begin().await.unwrap();
    let made = insert_foreign(&mut transaction, of).await;
    transaction.commit().await.unwrap();
    made
}

async fn insert_foreign(transaction: &mut sqlx::PgConnection, of: &Template) -> (i64, Vec<i64>) {
    let task_id: i64 = sqlx::query_scalar(
        "insert into tasker_tasks (named_task_id, complete, requested_at, initiator, source_system, reason, bypass_steps,
           tags, context, identity_hash, created_at, updated_at)
         select named_task_id, false, now() at time zone 'UTC', 'rails', 'rails', 'test', '[]', '[]', '{\"amount\": 1}',
           gen_random_uuid()::text, now() at time zone 'UTC', now() at time zone 'UTC'
         from tasker_named_tasks where name = $1 order by named_task_id desc limit 1 returning task_id",
    )
    .bind(&of.name)
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    let steps: Vec<i64> = sqlx::query_scalar(
        "insert into tasker_workflow_steps (task_id, named_step_id, retryable, retry_limit, in_process, processed, attempts,
           inputs, results, created_at, updated_at)
         select t.task_id, s.named_step_id, s.retryable, s.retry_limit, false, false, 0, t.context, '{}', t.created_at, t.created_at
         from tasker_tasks t
         join tasker_engine.definition d on d.named_task_id = t.named_task_id
         join tasker_engine.definition_step s on s.definition_id = d.definition_id
         where t.task_id = $1 and d.definition_id = (select max(definition_id) from tasker_engine.definition x where x.named_task_id = t.named_task_id)
         order by s.ix returning workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(&mut *transaction)
    .await
    .unwrap();
    for (child, step) in of.steps.iter().enumerate() {
        for &parent in &step.parents {
            sqlx::query(
                "insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
                 values ($1, $2, 'provides', now() at time zone 'UTC', now() at time zone 'UTC')",
            )
            .bind(steps[parent])
            .bind(steps[child])
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
    }
    (task_id, steps)
}

/// A move that another program writes, as Rails does.
pub(crate) async fn foreign_move(connection: &mut sqlx::PgConnection, step_id: i64, to: &str) {
    sqlx::query(
        "update tasker_workflow_step_transitions set most_recent = false where workflow_step_id = $1 and most_recent",
    )
    .bind(step_id)
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::query(
        "insert into tasker_workflow_step_transitions (to_state, metadata, sort_key, most_recent, workflow_step_id, created_at, updated_at)
         select $2, '{}', coalesce(max(sort_key), 0) + 10, true, $1, clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC'
         from tasker_workflow_step_transitions where workflow_step_id = $1",
    )
    .bind(step_id)
    .bind(to)
    .execute(&mut *connection)
    .await
    .unwrap();
    let done = matches!(to, "complete" | "resolved_manually");
    sqlx::query(
        "update tasker_workflow_steps set processed = $2, attempts = coalesce(attempts, 0) + $3,
           results = case when $2 then '{\"by\": \"rails\"}' else results end where workflow_step_id = $1",
    )
    .bind(step_id)
    .bind(done)
    .bind(i32::from(to == "complete"))
    .execute(connection)
    .await
    .unwrap();
}

async fn task_state(pool: &PgPool, task_id: i64) -> String {
    sqlx::query_scalar(
        "select coalesce((select to_state from tasker_task_transitions where task_id = $1 and most_recent), 'pending')",
    )
    .bind(task_id)
    .fetch_one(pool)
    .await
    .unwrap()
}

fn tasker(bench: &Bench) -> Tasker {
    Tasker::new(bench.pool().clone(), Handlers::new().with("H", bench.script.clone())).unwrap()
}

/// A worker in the background, and what it tells of the ends of tasks.
struct Running {
    stop: CancellationToken,
    ended: mpsc::UnboundedReceiver<i64>,
    worker: JoinHandle<()>,
}

impl Running {
    fn start(tasker: Tasker, adopts: &'static [&'static str]) -> Self {
        let stop = CancellationToken::new();
        let (tell, ended) = mpsc::unbounded_channel();
        let token = stop.clone();
        let worker = tokio::spawn(async move {
            let observer = move |progress: Progress| {
                if let Progress::TaskEnded { task_id, .. } = progress {
                    let _nobody_listens = tell.send(task_id).is_err();
                }
            };
            let work = Work::new().adopting(adopts.iter().copied()).observed_by(&observer).drained_by(token);
            tasker.work(work).await.unwrap();
        });
        Self { stop, ended, worker }
    }

    async fn next_end(&mut self) -> i64 {
        tokio::time::timeout(LONG, self.ended.recv()).await.expect("a task ends").unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(LONG, self.worker).await.expect("the worker ends").unwrap();
    }
}

/// Waits until the statement gives true, by asking again and again.
async fn until(pool: &PgPool, question: &'static str) {
    let asked = async {
        loop {
            if sqlx::query_scalar::<_, bool>(question).fetch_one(pool).await.unwrap() {
                return;
            }
            sqlx::query("select pg_sleep(0.02)").execute(pool).await.unwrap();
        }
    };
    tokio::time::timeout(LONG, asked).await.unwrap_or_else(|_| panic!("never true: {question}"));
}

fn renamed(template: &Template, name: &str) -> Template {
    let mut other = template.clone();
    other.name = name.to_owned();
    other
}

#[tokio::test]
async fn tasks_that_others_created_are_found_and_run_to_their_end() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let (wanted, unwanted) = (renamed(&diamond(""), "wanted"), renamed(&diamond(""), "unwanted"));
    tasker.register(&wanted).await.unwrap();
    tasker.register(&unwanted).await.unwrap();
    let (there_before, _) = foreign_task(bench.pool(), &wanted).await;
    let (left_alone, _) = foreign_task(bench.pool(), &unwanted).await;
    let mut worker = Running::start(tasker, &["tests/wanted"]);
    assert_eq!(worker.next_end().await, there_before);
    let (later, _) = foreign_task(bench.pool(), &wanted).await;
    assert_eq!(worker.next_end().await, later);
    let waited: f64 = sqlx::query_scalar(
        "select extract(epoch from (select min(created_at) from tasker_task_transitions where task_id = $1) - created_at)::float8
         from tasker_tasks where task_id = $1",
    )
    .bind(later)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert!(waited < 5.0, "found after {waited} s (R-34)");
    assert_eq!(task_state(bench.pool(), left_alone).await, "pending");
    assert_eq!(bench.script.ran().len(), 8);
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

/// Every way to say which types are adopted, and what was half done before.
#[tokio::test]
async fn what_another_program_has_begun_goes_on_where_it_stands() {
    for adopts in [&["*"] as &[&str], &["tests/*"], &["other/none", "tests/test"]] {
        let bench = Bench::new(Script::default()).await;
        let tasker = tasker(&bench);
        let diamond = diamond("");
        tasker.register(&diamond).await.unwrap();
        let (task_id, steps) = foreign_task(bench.pool(), &diamond).await;
        let mut connection = bench.pool().acquire().await.unwrap();
        for to in ["pending", "in_progress", "complete"] {
            foreign_move(&mut connection, steps[0], to).await;
        }
        // b runs elsewhere; c is pending and says so
        foreign_move(&mut connection, steps[1], "in_progress").await;
        foreign_move(&mut connection, steps[2], "pending").await;
        let (c_ran, runs) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let signal = c_ran.clone();
        let script = bench.script.clone().on("c", move |_: &StepContext| {
            signal.notify_one();
            Ok(json!({}))
        });
        let told = runs.clone();
        script.on("d", move |step: &StepContext| {
            told.notify_one();
            Ok(json!({ "b": step.parent_results()["b"].get() }))
        });
        let mut worker = Running::start(tasker, adopts);
        tokio::time::timeout(LONG, c_ran.notified()).await.expect("c runs");
        foreign_move(&mut connection, steps[1], "complete").await;
        tokio::time::timeout(LONG, runs.notified()).await.expect("d runs when b was completed by others");
        assert_eq!(worker.next_end().await, task_id);
        let names: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["c", "d"], "adopting {adopts:?}");
        assert_eq!(task_state(bench.pool(), task_id).await, "complete");
        worker.stop().await;
        bench.assert_side_tables_empty().await;
    }
}

/// Ids are drawn before they are committed, so a lower one may appear after a higher one was seen. The round through all
/// unfinished tasks is elsewhere at that moment: ids lie too far apart for one of its pages.
#[tokio::test]
async fn a_task_that_is_committed_after_one_with_a_higher_id_is_found_by_the_next_look() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let diamond = diamond("");
    tasker.register(&diamond).await.unwrap();
    let (first, _) = foreign_task(bench.pool(), &diamond).await;
    sqlx::query("select setval('tasker_tasks_task_id_seq', 10000000)").execute(bench.pool()).await.unwrap();
    let mut slow = bench.pool().begin().await.unwrap();
    let (late, _) = insert_foreign(&mut slow, &diamond).await;
    let (quick, _) = foreign_task(bench.pool(), &diamond).await;
    assert!(late < quick);
    let ledger = Ledger::new(bench.pool().clone());
    let (all, mut lookout) = (["*".to_owned()], Lookout::default());
    let mut look = async || ledger.look_around(&all, &mut lookout, None).await.unwrap().found;
    assert_eq!(look().await, [first], "the round's first page");
    assert_eq!(look().await, [quick], "its second, and what is new");
    slow.commit().await.unwrap();
    assert_eq!(look().await, [first, late, quick], "the first page again, and the one that came late");
    assert_eq!(ledger.adopt_tasks(&[late, first, quick]).await.unwrap().len(), 3);
    assert_eq!(look().await, Vec::<i64>::new());
    assert_eq!(ledger.adopt_tasks(&[late]).await.unwrap(), Vec::<i64>::new(), "a task is adopted once");
}

#[tokio::test]
async fn eight_workers_that_adopt_the_same_tasks_run_each_step_once() {
    let bench = Bench::new(Script::default()).await;
    let diamond = diamond("");
    tasker(&bench).register(&diamond).await.unwrap();
    let mut tasks = std::collections::BTreeSet::new();
    for _ in 0..25 {
        tasks.insert(foreign_task(bench.pool(), &diamond).await.0);
    }
    let mut workers: Vec<Running> = (0..8).map(|_| Running::start(tasker(&bench), &["*"])).collect();
    until(bench.pool(), "select bool_and(complete) from tasker_tasks").await;
    for worker in &mut workers {
        while let Ok(ended) = worker.ended.try_recv() {
            assert!(tasks.remove(&ended), "{ended} ended twice");
        }
    }
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(bench.script.ran().len(), 100);
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn a_task_that_fits_no_definition_is_left_alone_and_told() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let (known, unknown) = (renamed(&diamond(""), "known"), renamed(&diamond(""), "unknown"));
    tasker.register(&known).await.unwrap();
    tasker.register(&unknown).await.unwrap();
    let (misfit, _) = foreign_task(bench.pool(), &known).await;
    let (nameless, _) = foreign_task(bench.pool(), &unknown).await;
    let edge = "delete from tasker_workflow_step_edges where to_step_id in (select workflow_step_id from tasker_workflow_steps where task_id = $1)";
    sqlx::query(edge).bind(misfit).execute(bench.pool()).await.unwrap();
    let forget = "delete from tasker_engine.definition d using tasker_named_tasks k
        where k.named_task_id = d.named_task_id and k.name = 'unknown'";
    sqlx::query(forget).execute(bench.pool()).await.unwrap();
    let (fits, _) = foreign_task(bench.pool(), &known).await;
    let mut worker = Running::start(tasker.clone(), &["*"]);
    assert_eq!(worker.next_end().await, fits);
    for (task_id, code) in [(misfit, "fits_no_definition"), (nameless, "fits_no_definition")] {
        let facts = tasker.ledger().why_facts(task_id).await.unwrap().unwrap();
        assert_eq!(why::reason(&facts.task, &facts.steps[0].2).code(), code);
    }
    worker.stop().await;
    for (task_id, code) in [(misfit, "not_adopted"), (nameless, "not_adopted")] {
        let facts = tasker.ledger().why_facts(task_id).await.unwrap().unwrap();
        assert_eq!(why::reason(&facts.task, &facts.steps[0].2).code(), code);
    }
    assert_eq!(bench.script.ran().len(), 4);
}

/// R-19: another program may have written a task without any step; there is nothing to do for it.
#[tokio::test]
async fn a_task_without_steps_completes() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let diamond = diamond("");
    tasker.register(&diamond).await.unwrap();
    let (task_id, steps) = foreign_task(bench.pool(), &diamond).await;
    for sql in [
        "delete from tasker_workflow_step_edges where from_step_id = any($1)",
        "delete from tasker_workflow_steps where workflow_step_id = any($1)",
    ] {
        sqlx::query(sql).bind(&steps).execute(bench.pool()).await.unwrap();
    }
    let worker = Running::start(tasker, &["*"]);
    until(bench.pool(), "select bool_and(complete) from tasker_tasks").await;
    let history: String = sqlx::query_scalar(
        "select string_agg(from_state || '>' || to_state, ' ' order by sort_key) from tasker_task_transitions where task_id = $1",
    )
    .bind(task_id)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(history, "pending>in_progress in_progress>complete");
    worker.stop().await;
}

/// Steps that stand in the line, wait for parents or run here are moved by another program: nothing runs twice, nothing
/// is overwritten, the task goes on.
#[tokio::test]
async fn steps_that_others_move_underneath_are_noticed() {
    let bench = Bench::new(Script::default()).await;
    let template = template(
        "",
        &[
            ("a", ""),
            ("in_line", ""),
            ("resolved", "depends_on_step: a"),
            ("after", "depends_on_steps: [in_line, resolved]"),
            ("called_off", "depends_on_step: after"),
        ],
    );
    let (running, go_on) = (Arc::new(Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
    let handler = {
        let (script, running, go_on) = (bench.script.clone(), running.clone(), go_on.clone());
        tasker_core::handler_fn(move |step: StepContext| {
            let (script, running, go_on) = (script.clone(), running.clone(), go_on.clone());
            async move {
                if step.step_name() == "a" {
                    running.notify_one();
                    go_on.acquire().await.unwrap().forget();
                }
                tasker_core::StepHandler::process(&script, step).await
            }
        })
    };
    // one step at a time, so that the other root stays in the line
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap().with_concurrency(1);
    let task_id = tasker.submit(&template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let steps: Vec<i64> = sqlx::query_scalar(
        "select workflow_step_id from tasker_workflow_steps where task_id = $1 order by workflow_step_id",
    )
    .bind(task_id)
    .fetch_all(bench.pool())
    .await
    .unwrap();
    let mut worker = Running::start(tasker, &[]);
    tokio::time::timeout(LONG, running.notified()).await.expect("a runs");
    let mut rails = bench.pool().begin().await.unwrap();
    for (step, moves) in [
        (steps[1], &["in_progress", "complete"] as &[&str]),
        (steps[2], &["resolved_manually"]),
        (steps[4], &["cancelled"]),
        // even the one that runs here
        (steps[0], &["complete"]),
    ] {
        for to in moves {
            foreign_move(&mut rails, step, to).await;
        }
    }
    rails.commit().await.unwrap();
    go_on.add_permits(1);
    assert_eq!(worker.next_end().await, task_id);
    let names: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "after"]);
    assert_eq!(task_state(bench.pool(), task_id).await, "error", "a cancelled step holds it (R-16)");
    let results: Vec<serde_json::Value> =
        sqlx::query_scalar("select results from tasker_workflow_steps where task_id = $1 order by workflow_step_id")
            .bind(task_id)
            .fetch_all(bench.pool())
            .await
            .unwrap();
    assert_eq!(results[0], json!({ "by": "rails" }), "what was written first stays (R-30)");
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

/// A Rails process dies between the end of the last step and that of the task: the task is ended here.
#[tokio::test]
async fn a_task_whose_last_step_others_ended_comes_to_its_end() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let template = template("", &[("a", "queue: nobody_serves"), ("b", "depends_on_step: a, queue: nobody_serves")]);
    let task_id = tasker.submit(&template, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let mut connection = bench.pool().acquire().await.unwrap();
    let steps: Vec<i64> = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps order by 1")
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let worker = tokio::spawn({
        let (tasker, stop) = (tasker.clone(), stop.clone());
        async move { tasker.work(Work::new().in_queues(["other"]).drained_by(stop)).await.unwrap() }
    });
    for step in steps {
        foreign_move(&mut connection, step, "in_progress").await;
        foreign_move(&mut connection, step, "complete").await;
    }
    until(bench.pool(), "select bool_and(complete) from tasker_tasks").await;
    assert_eq!(task_state(bench.pool(), task_id).await, "complete");
    stop.cancel();
    assert_eq!(worker.await.unwrap().executions, 0);
    bench.assert_side_tables_empty().await;
}

/// Who holds rows of a task for long delays that task and no other (R-33).
#[tokio::test]
async fn locks_that_others_hold_for_long_delay_only_their_own_tasks() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let diamond = diamond("");
    let (began, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (began.clone(), held.clone());
    let handler = tasker_core::handler_fn(move |step: StepContext| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            let context: serde_json::Value = step.context()?;
            if context["held"] == json!(true) && step.step_name() == "a" {
                tell.notify_one();
                wait.notified().await;
            }
            Ok::<_, tasker_core::StepError>(tasker_core::Output::from(json!({})))
        }
    });
    let tasker = Tasker::new(tasker.ledger().pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let held_task =
        tasker.submit(&diamond, Request::new(Json::parse(r#"{"held": true}"#).unwrap())).await.unwrap().task_id;
    let mut worker = Running::start(tasker.clone(), &[]);
    tokio::time::timeout(LONG, began.notified()).await.expect("a runs");
    let mut rails = bench.pool().begin().await.unwrap();
    for sql in [
        "select from tasker_workflow_steps where task_id = $1 for update",
        "select from tasker_tasks where task_id = $1 for update",
    ] {
        sqlx::query(sql).bind(held_task).execute(&mut *rails).await.unwrap();
    }
    held.notify_one();
    let others = (0..40).map(|_| Request::new(Json::parse("{}").unwrap())).collect();
    let mut others: Vec<i64> =
        tasker.submit_all(&diamond, others).await.unwrap().into_iter().map(|task| task.task_id).collect();
    while !others.is_empty() {
        let ended = worker.next_end().await;
        assert_ne!(ended, held_task, "its rows are still held");
        others.retain(|task_id| *task_id != ended);
    }
    assert_eq!(task_state(bench.pool(), held_task).await, "in_progress");
    rails.rollback().await.unwrap();
    assert_eq!(worker.next_end().await, held_task);
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

#[tokio::test]
async fn a_task_that_has_not_ended_by_its_deadline_is_called_off() {
    let bench = Bench::new(Script::default()).await;
    use tasker_core::clock::{Clock, SystemClock};
    let (begun, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, told) = (begun.clone(), stopped.clone());
    let handler = tasker_core::handler_fn(move |step: StepContext| {
        let (tell, told) = (tell.clone(), told.clone());
        async move {
            if step.step_name() == "b" {
                tell.notify_one();
                step.cancelled().cancelled().await;
                told.notify_one();
            }
            Ok::<_, tasker_core::StepError>(tasker_core::Output::from(json!({})))
        }
    });
    let tasker = Tasker::new(bench.pool().clone(), Handlers::new().with("H", handler)).unwrap();
    let soon = SystemClock::new().wall_time() + chrono::TimeDelta::milliseconds(500);
    let later = soon + chrono::TimeDelta::hours(1);
    let quick = template("", &[("only", "")]);
    let quick = renamed(&quick, "quick");
    let mut worker = Running::start(tasker.clone(), &[]);
    let in_time = tasker.submit(&quick, Request::new(Json::parse("{}").unwrap()).until(later)).await.unwrap().task_id;
    assert_eq!(worker.next_end().await, in_time);
    let too_late =
        tasker.submit(&diamond(""), Request::new(Json::parse("{}").unwrap()).until(soon)).await.unwrap().task_id;
    tokio::time::timeout(LONG, begun.notified()).await.expect("b runs");
    tokio::time::timeout(LONG, stopped.notified()).await.expect("b is told to stop");
    until(
        bench.pool(),
        "select exists (select from tasker_task_transitions where to_state = 'cancelled' and most_recent)",
    )
    .await;
    let (state, actor, reason): (String, String, String) = sqlx::query_as(
        "select to_state, metadata->>'actor', metadata->>'reason' from tasker_task_transitions where task_id = $1 and most_recent",
    )
    .bind(too_late)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!((state.as_str(), actor.as_str(), reason.as_str()), ("cancelled", "tasker", "deadline passed"));
    let open: i64 = sqlx::query_scalar(
        "select count(*) from tasker_workflow_steps s left join tasker_workflow_step_transitions x
           on x.workflow_step_id = s.workflow_step_id and x.most_recent
         where s.task_id = $1 and coalesce(x.to_state, 'pending') not in ('complete', 'cancelled')",
    )
    .bind(too_late)
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(open, 0, "every step that had not ended is called off (R-17)");
    until(bench.pool(), "select not exists (select from tasker_engine.deadline where at < now())").await;
    assert_eq!(task_state(bench.pool(), in_time).await, "complete");
    worker.stop().await;
}
