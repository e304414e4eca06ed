//! A commit of many tasks with large contexts is told in pieces: nothing is held of all of them at once, nothing is lost,
//! and the order stays.

use std::sync::{Arc, Mutex};

use tasker_core::Request;
use tasker_core::events::Published;
use tasker_domain::json::Json;

use crate::support::{Script, template};
use crate::world::World;

/// A request whose context has about so many bytes.
fn request(kibibytes: usize) -> Request {
    Request::new(Json::parse(&format!(r#"{{"load": "{}"}}"#, "x".repeat(kibibytes * 1024))).unwrap())
}

#[tokio::test]
async fn how_tasks_stand_is_read_until_their_contexts_fill_the_measure() {
    let world = World::new(Script::default()).await;
    let sizes = [100, 100, 100, 900, 1, 1];
    let created = world.tasker.submit_all(&template("", &[("a", "")]), sizes.map(request).to_vec()).await.unwrap();
    let ids: Vec<i64> = created.iter().map(|task| task.task_id).rev().collect();
    let read = async |ids: &[i64]| -> Vec<i64> {
        let tasks = world.tasker.ledger().told_tasks(ids, 256 * 1024).await.unwrap();
        assert!(tasks.iter().all(|task| task.context.is_some() && task.total_steps == 1));
        tasks.iter().map(|task| task.task_id).collect()
    };
    assert_eq!(read(&ids).await, ids[..3], "1, 1, and what fills it");
    assert_eq!(read(&ids[2..]).await, ids[2..3], "one at least");
    assert_eq!(read(&ids[3..]).await, ids[3..]);
    let with_a_gap = [ids[0], 4711, ids[1]];
    assert_eq!(read(&with_a_gap).await, [ids[0], ids[1]]);
    assert_eq!(read(&[4711]).await, Vec::<i64>::new());
}

#[tokio::test]
async fn the_tasks_of_one_commit_are_told_in_their_order_with_their_contexts() {
    let world = World::new(Script::default()).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = told.clone();
    let listen = move |event: &Published| {
        let event = serde_json::to_value(event).unwrap();
        let payload = &event["payload"];
        let bytes = payload["task_context"]["load"].as_str().unwrap().len();
        lines.lock().unwrap().push((payload["task_id"].as_i64().unwrap(), bytes));
    };
    world.tasker.events().subscribe(&["observability.task.enqueue"], listen).unwrap();
    // In one call: small ones, more than are read at a time, and some of which each fills a piece.
    let sizes: Vec<usize> = (0..150).map(|place| if place % 50 == 49 { 300 } else { 1 }).collect();
    let requests = sizes.iter().map(|&kibibytes| request(kibibytes)).collect();
    let created = world.tasker.submit_all(&template("", &[("a", "")]), requests).await.unwrap();
    world.tasker.events().flush().await;
    let expected: Vec<(i64, usize)> =
        created.iter().zip(&sizes).map(|(task, kibibytes)| (task.task_id, kibibytes * 1024)).collect();
    assert_eq!(*told.lock().unwrap(), expected);
    assert_eq!(world.tasker.events().lost(), 0);
}
