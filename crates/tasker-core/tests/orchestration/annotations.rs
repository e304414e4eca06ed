//! Notes on tasks, made when it is decided what becomes of them (B-ORC-056).

use std::sync::{Arc, Mutex};

use serde_json::json;
use tasker_core::annotator::AnnotateError;
use tasker_core::{Annotation, Finalized, Handlers, StepError, Tasker};
use tasker_domain::json::Json;
use tasker_domain::state::TaskState;

use crate::support::{diamond, template};
use crate::world::{World, failing};

/// What the hook saw: the state of the task and the steps that were processed.
type Calls = Arc<Mutex<Vec<(i64, TaskState, Vec<String>)>>>;

fn noting(calls: &Calls) -> impl Fn(Finalized) -> std::future::Ready<Result<Vec<Annotation>, StepError>> + use<> {
    let calls = calls.clone();
    move |task| {
        let processed: Vec<String> = task.processed().map(|step| step.name.clone()).collect();
        let notes = vec![Annotation::new("processed", Json::from(json!({ "steps": processed })))];
        calls.lock().unwrap().push((task.record.task.task_id, task.state(), processed));
        std::future::ready(Ok(notes))
    }
}

fn tasker(world: &World, handlers: Handlers) -> Tasker {
    Tasker::new(world.pool().clone(), handlers.with("H", world.script.clone()))
        .unwrap()
        .with_clock(Arc::new(world.clock.clone()))
}

async fn notes(world: &World, task_id: i64) -> Vec<(String, serde_json::Value)> {
    sqlx::query_as(
        "select k.name, a.annotation from tasker_task_annotations a join tasker_annotation_types k using (annotation_type_id)
         where a.task_id = $1 order by a.task_annotation_id",
    )
    .bind(task_id)
    .fetch_all(world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn the_hook_is_called_once_for_each_decision_with_what_was_processed() {
    let mut world = World::new(failing(&[("b", 1)])).await;
    let calls = Calls::default();
    world.tasker = tasker(&world, Handlers::new().with_annotator("tests/test", noting(&calls)));
    let task_id = world.submit(&template("jitter: false", &[("a", ""), ("b", "depends_on_step: a")])).await;
    assert_eq!(world.to_its_end(task_id).await, TaskState::Complete);
    let expected = [
        (task_id, TaskState::Pending, vec!["a".to_owned()]),
        (task_id, TaskState::Complete, vec!["a".to_owned(), "b".to_owned()]),
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
    let stored = notes(&world, task_id).await;
    let note = |steps: &[&str]| ("processed".to_owned(), json!({ "steps": steps }));
    assert_eq!(stored, [note(&["a"]), note(&["a", "b"])]);
}

#[tokio::test]
async fn the_hook_of_another_type_is_not_called() {
    let mut world = World::new(failing(&[])).await;
    let calls = Calls::default();
    world.tasker = tasker(&world, Handlers::new().with_annotator("tests/other", noting(&calls)));
    let task_id = world.submit(&diamond("")).await;
    world.to_its_end(task_id).await;
    assert!(calls.lock().unwrap().is_empty());
    let refused = world.tasker.annotate(task_id).await.unwrap_err();
    insta::assert_snapshot!(refused, @"no annotator is registered for tests/test: register one with `Handlers::with_annotator`");
    assert!(matches!(world.tasker.annotate(0).await, Err(AnnotateError::UnknownTask(0))));
}

/// A hook that fails, panics, or says what cannot be stored changes nothing about its task.
#[tokio::test]
async fn a_bad_hook_does_not_lose_its_task() {
    let mut world = World::new(failing(&[])).await;
    let fails = |_: Finalized| std::future::ready(Err::<Vec<Annotation>, _>(StepError::failure("no notes today")));
    let panics = |_: Finalized| -> std::future::Ready<Result<Vec<Annotation>, StepError>> { panic!("a bad hook") };
    let unstorable = |_: Finalized| {
        let notes = vec![Annotation::new("good", Json::Null), Annotation::new("", Json::Null)];
        std::future::ready(Ok::<_, StepError>(notes))
    };
    let bad = [
        Handlers::new().with_annotator("tests/test", fails),
        Handlers::new().with_annotator("tests/test", panics),
        Handlers::new().with_annotator("tests/test", unstorable),
    ];
    let mut failed = Vec::new();
    for handlers in bad {
        world.tasker = tasker(&world, handlers);
        let task_id = world.submit(&diamond("")).await;
        assert_eq!(world.to_its_end(task_id).await, TaskState::Complete);
        assert!(notes(&world, task_id).await.is_empty());
        failed.push(world.tasker.annotate(task_id).await.unwrap_err().to_string());
    }
    assert_eq!(failed[0], "the annotator failed: no notes today");
    assert_eq!(failed[1], "the annotator panicked");
    assert!(failed[2].starts_with("the annotations could not be stored"), "{}", failed[2]);
    // Later, with a better one.
    let calls = Calls::default();
    world.tasker = tasker(&world, Handlers::new().with_annotator("tests/test", noting(&calls)));
    let task_id = first_task(&world).await;
    assert_eq!(world.tasker.annotate(task_id).await.unwrap(), 1);
    assert_eq!(notes(&world, task_id).await.len(), 1);
}

async fn first_task(world: &World) -> i64 {
    sqlx::query_scalar("select min(task_id) from tasker_tasks").fetch_one(world.pool()).await.unwrap()
}
