//! Tasks chosen by conditions as they are typed, and steps by their names.

use tasker_core::ops::{Filter, StepName, StepNotFound, find_step, select};
use tasker_core::{Request, StepError};
use tasker_domain::json::Json;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, diamond, template};

fn filter(conditions: &[&str]) -> Filter {
    let mut filter = Filter::default();
    conditions.iter().for_each(|condition| filter.add(condition).unwrap());
    filter
}

#[test]
fn conditions_that_cannot_be_read_say_what_can() {
    for (condition, words) in [
        ("state", "`state` is no condition: write KEY=VALUE"),
        ("state=", "write KEY=VALUE"),
        ("state=broken", "`broken` is no state of a task: write one of pending, in_progress, complete, error"),
        ("type=order", "`order` is no task type: write NAMESPACE/NAME"),
        ("older-than=2", "`2` is no time: a number has no unit; write ms, s, m, h or d"),
        ("older-than=99999999999999999999d", "is no time: the span is too long"),
        ("older-than=999999999d", "is no time: it is longer than a hundred years"),
        ("colour=red", "`colour` is no condition: there are state, type"),
    ] {
        let problem = Filter::default().add(condition).unwrap_err().to_string();
        assert!(problem.contains(words), "{condition}: {problem}");
    }
    let mut twice = filter(&["state=error"]);
    assert!(twice.add("state=pending").unwrap_err().to_string().contains("given twice"));
    assert!(twice.add("tag=a").is_ok() && twice.add("tag=b").is_ok(), "a task can have several tags");
}

#[tokio::test]
async fn each_condition_finds_its_tasks() {
    let bench = Bench::new(Script::default().on("b", |_| Err(StepError::permanent("broken")))).await;
    let tasker = bench.tasker();
    let empty = || Json::parse("{}").unwrap();
    let failed = tasker.submit(&diamond(""), Request::new(empty()).with_tags(["red", "big"])).await.unwrap().task_id;
    tasker.handle_task(failed, CancellationToken::new()).await.unwrap();
    let pending = tasker.submit(&diamond(""), Request::new(empty()).with_tags(["red"])).await.unwrap().task_id;
    let mut other = template("", &[("a", "")]);
    other.name = "other".to_owned();
    let other = tasker.submit(&other, Request::new(empty())).await.unwrap().task_id;
    sqlx::query(
        "update tasker_tasks set created_at = now() at time zone 'UTC' - interval '3 hours' where task_id = $1",
    )
    .bind(pending)
    .execute(bench.pool())
    .await
    .unwrap();
    sqlx::query("update tasker_tasks set created_at = now() at time zone 'UTC' where task_id <> $1")
        .bind(pending)
        .execute(bench.pool())
        .await
        .unwrap();
    for (conditions, expected) in [
        (&[][..], vec![failed, pending, other]),
        (&["state=error"], vec![failed]),
        (&["state=pending"], vec![pending, other]),
        (&["type=tests/test"], vec![failed, pending]),
        (&["type=elsewhere/test"], vec![]),
        (&["version=1.0.0", "type=tests/other"], vec![other]),
        (&["version=2.0.0"], vec![]),
        (&["older-than=2h"], vec![pending]),
        (&["younger-than=2h"], vec![failed, other]),
        (&["older-than=4h"], vec![]),
        (&["tag=red"], vec![failed, pending]),
        (&["tag=red", "tag=big"], vec![failed]),
        (&["step=b"], vec![failed]),
        (&["step=a"], vec![]),
    ] {
        let found = select(tasker.ledger(), &filter(conditions), 10, false).await.unwrap();
        assert_eq!((found.task_ids, found.more), (expected, false), "{conditions:?}");
    }
    let newest = select(tasker.ledger(), &Filter::default(), 2, true).await.unwrap();
    assert_eq!((newest.task_ids, newest.more), (vec![other, pending], true));
}

#[tokio::test]
async fn a_step_is_found_by_its_id_and_by_its_name() {
    let bench = Bench::new(Script::default()).await;
    let tasker = bench.tasker();
    let task_id = tasker.submit(&diamond(""), Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let find = async |name: &str| find_step(tasker.ledger(), &name.parse::<StepName>().unwrap()).await;
    let (step_id, of_task) = find(&format!("{task_id}/b")).await.unwrap();
    assert_eq!(of_task, task_id);
    assert_eq!(find(&step_id.to_string()).await.unwrap(), (step_id, task_id));
    let wrong = find(&format!("{task_id}/e")).await.unwrap_err();
    assert_eq!(wrong.to_string(), format!("task {task_id} has no step `e`; its steps are: a, b, c, d"));
    assert!(matches!(find("99999").await, Err(StepNotFound::NoSuchStep(99999))));
    assert!(matches!(find("99999/a").await, Err(StepNotFound::NoSuchTask(99999))));
    for unreadable in ["b", "x/b", "1/", ""] {
        assert!(matches!(find(unreadable).await, Err(StepNotFound::Unreadable(_))), "{unreadable}");
    }
}
