//! Tasks that others created are found and run.

use std::sync::Arc;

use serde_json::json;
use tasker_core::StepContext;
use tasker_domain::why;
use tasker_postgres::ledger::{Ledger, Lookout};
use tokio::sync::Notify;

use crate::foreign::{LONG, Running, foreign_move, foreign_task, insert_foreign, renamed, task_state, tasker, until};
use crate::support::{Bench, Script, diamond};

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

/// another program may have written a task without any step; there is nothing to do for it.
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

/// Workflows as the factories leave them, in every state in which something is left to do.
#[tokio::test]
async fn workflows_that_another_program_left_in_any_state_are_taken_to_their_end() {
    use tasker_core::clock::{Clock, SystemClock};
    use tasker_core::entropy::Entropy;
    use tasker_testing::factories::{Factory, Situation};
    use tasker_testing::{WorkflowShape, factories::Progress as Half};

    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let shape = WorkflowShape::dummy_task();
    let factory = Factory::new(bench.pool().clone(), Entropy::seeded(3), SystemClock::new().wall_time());
    let names: Vec<&str> = shape.steps.iter().map(|step| step.name.as_str()).collect();
    let untouched = factory.workflow(shape.clone()).create().await.unwrap().task.id;
    let half = factory.workflow(shape.clone()).progress(Half::HalfDone).create().await.unwrap().task.id;
    let failed = factory.workflow(shape.clone()).progress(Half::Failed).create().await.unwrap().task.id;
    let said = factory.workflow(shape.clone()).step(names[0], Situation::Pending).create().await.unwrap().task.id;
    let ended = factory.workflow(shape.clone()).progress(Half::Complete).create().await.unwrap().task.id;
    let mut template = shape.template("H");
    for step in &mut template.steps {
        step.dependent_system = "dummy-system".to_owned();
    }
    // the factory's tasks are of this type, though none was made from this content
    let registered = tasker.clone().allowing_redefinition().register(&template).await.unwrap();
    assert!(registered.definition_id > 0);
    let mut worker = Running::start(tasker, &["default/*"]);
    let mut left = std::collections::BTreeSet::from([untouched, half, failed, said]);
    while !left.is_empty() {
        let task_id = worker.next_end().await;
        assert!(left.remove(&task_id), "{task_id} is not among {left:?}; {ended} had ended before");
        assert_eq!(task_state(bench.pool(), task_id).await, "complete");
    }
    worker.stop().await;
    bench.assert_side_tables_empty().await;
}

/// Every column of a task, its steps and their histories that may be null is.
#[tokio::test]
async fn columns_that_are_null_stop_nobody() {
    let bench = Bench::new(Script::default()).await;
    let tasker = tasker(&bench);
    let diamond = diamond("");
    tasker.register(&diamond).await.unwrap();
    let mut connection = bench.pool().acquire().await.unwrap();
    let (task_id, steps) = foreign_task(bench.pool(), &diamond).await;
    foreign_move(&mut connection, steps[0], "resolved_manually").await;
    foreign_move(&mut connection, steps[1], "in_progress").await;
    foreign_move(&mut connection, steps[1], "error").await;
    for sql in [
        "update tasker_tasks set context = null, tags = null, bypass_steps = null, initiator = null, source_system = null,
           reason = null where task_id = $1",
        "update tasker_workflow_steps set inputs = null, results = null, attempts = null, retry_limit = null,
           last_attempted_at = null, backoff_request_seconds = null where task_id = $1",
        "update tasker_workflow_step_transitions set metadata = null, from_state = null
         where workflow_step_id in (select workflow_step_id from tasker_workflow_steps where task_id = $1)",
    ] {
        sqlx::query(sql).bind(task_id).execute(&mut *connection).await.unwrap();
    }
    let mut worker = Running::start(tasker, &["*"]);
    until(bench.pool(), "select count(*) > 0 from tasker_engine.later").await;
    bench.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(worker.next_end().await, task_id);
    worker.stop().await;
    let mut ran: Vec<String> = bench.script.ran().into_iter().map(|(name, _)| name).collect();
    ran.sort();
    assert_eq!(ran, ["b", "c", "d"]);
    bench.assert_side_tables_empty().await;
}
