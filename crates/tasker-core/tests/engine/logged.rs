//! What people change that no history tells is written down: who, when, why, from what to what.

use serde_json::{Value, json};
use tasker_core::clock::Clock;
use tasker_core::{Request, StepError};
use tasker_domain::json::Json;
use tasker_domain::operation::TaskOperation;
use tasker_postgres::ledger::{
    Logged, LoggedOperation, Operated, Operator, Paused, Rewind, Rewound, StepChange, TaskChange,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, Script, template};

const RETRY: TaskChange = TaskChange::Operation(TaskOperation::Retry);

fn by(bench: &Bench) -> Operator<'static> {
    Operator { actor: "ada", reason: "stocktaking", now: bench.clock.record_time(), dry_run: false }
}

/// Operation, scope, before and after of each, the oldest first.
async fn logged(bench: &Bench, of: Logged<'_>) -> Vec<(String, String, Value, Value)> {
    let mut listed = bench.tasker().ledger().operations(of, 100).await.unwrap();
    listed.reverse();
    listed
        .into_iter()
        .map(|LoggedOperation { operation, scope, before, after, actor, reason, .. }| {
            assert_eq!((actor.as_str(), reason.as_str()), ("ada", "stocktaking"));
            (operation, scope, before.unwrap_or_default(), after.unwrap_or_default())
        })
        .collect()
}

fn entry(operation: &str, scope: &str, before: Value, after: Value) -> (String, String, Value, Value) {
    (operation.to_owned(), scope.to_owned(), before, after)
}

#[tokio::test]
async fn changes_of_a_task_and_its_steps_keep_old_and_new_value() {
    let bench = Bench::new(Script::default().on("a", |_| Err(StepError::permanent("no")))).await;
    let steps = template("", &[("a", ""), ("b", "")]);
    let task_id = bench.tasker().submit(&steps, Request::new(Json::parse("{}").unwrap())).await.unwrap().task_id;
    let ledger = bench.tasker().ledger().clone();
    let task = async |change: TaskChange, by: Operator<'_>| {
        ledger.change_tasks(&[task_id], change, by).await.unwrap().remove(0).1
    };
    let dry = Operator { dry_run: true, ..by(&bench) };
    for change in [TaskChange::Priority(5), TaskChange::Priority(-2), TaskChange::Pause, TaskChange::Resume] {
        task(change, dry).await;
        assert!(matches!(task(change, by(&bench)).await, Operated::Done { .. }), "{change:?}");
        assert_eq!(task(change, by(&bench)).await, Operated::AlreadySo, "{change:?}");
    }
    let ids: Vec<i64> = sqlx::query_scalar("select workflow_step_id from tasker_workflow_steps order by 1")
        .fetch_all(bench.pool())
        .await
        .unwrap();
    let [a, b] = ids[..] else { panic!("two steps") };
    let limit = StepChange::Limit { attempts: 7 };
    assert!(matches!(ledger.change_step(b, &limit, by(&bench)).await.unwrap(), Operated::Done { .. }));
    assert_eq!(ledger.change_step(b, &limit, by(&bench)).await.unwrap(), Operated::AlreadySo);
    let mut expected = vec![
        entry("priority", "task", json!(0), json!(5)),
        entry("priority", "task", json!(5), json!(-2)),
        entry("pause", "task", json!(false), json!(true)),
        entry("resume", "task", json!(true), json!(false)),
        entry(
            "limit",
            "step",
            json!({"retry_limit": 3, "retryable": true}),
            json!({"retry_limit": 7, "retryable": true}),
        ),
    ];
    assert_eq!(logged(&bench, Logged::Task(task_id)).await, expected);
    // A retry by hand is in the history; what it changed of the limit is not.
    bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap();
    assert!(matches!(task(RETRY, by(&bench)).await, Operated::Done { .. }));
    expected.push(entry(
        "retry",
        "step",
        json!({"retry_limit": 3, "retryable": false}),
        json!({"retry_limit": 3, "retryable": true}),
    ));
    assert_eq!(logged(&bench, Logged::Task(task_id)).await, expected);
    let newest = ledger.operations(Logged::All, 1).await.unwrap().remove(0);
    assert_eq!((newest.step_id, newest.step.as_deref(), newest.task_id), (Some(a), Some("a"), Some(task_id)));
    assert_eq!(newest.at, bench.clock.wall_time(), "the instant of the rows");
    bench.tasker().handle_task(task_id, CancellationToken::new()).await.unwrap();
    let to = Rewind { from: "a", context: None, key: None };
    let rewound = ledger.rewind(task_id, to, by(&bench)).await.unwrap();
    let Rewound::Done { task_id: Some(new), .. } = rewound else { panic!("{rewound:?}") };
    ledger.rewind(task_id, to, by(&bench)).await.unwrap();
    expected.push(entry("rewind", "task", Value::Null, json!({"task_id": new, "from": "a"})));
    assert_eq!(logged(&bench, Logged::Task(task_id)).await, expected);
    assert_eq!(logged(&bench, Logged::Task(new)).await, []);
    assert!(matches!(task(TaskChange::Priority(3), by(&bench)).await, Operated::Refused(_)));
    assert_eq!(logged(&bench, Logged::All).await, expected, "what is refused changed nothing");
    let in_history: i64 = sqlx::query_scalar(
        "select count(*) from tasker_task_transitions where metadata->>'operation' in ('pause', 'resume', 'priority')",
    )
    .fetch_one(bench.pool())
    .await
    .unwrap();
    assert_eq!(in_history, 0, "no row of history without a move");
}

#[tokio::test]
async fn pauses_of_queues_and_types_are_kept_after_they_have_ended() {
    let bench = Bench::new(Script::default()).await;
    let ledger = bench.tasker().ledger().clone();
    let (queue, task_type) = (Paused::Queue("parcels"), Paused::Type("shop/order"));
    for what in [queue, task_type] {
        for changed in [true, false] {
            assert_eq!(ledger.pause(what, by(&bench)).await.unwrap(), changed);
        }
    }
    for changed in [true, false] {
        assert_eq!(ledger.resume(queue, by(&bench)).await.unwrap(), changed);
    }
    let pause = |scope: &str| entry("pause", scope, json!(false), json!(true));
    assert_eq!(
        logged(&bench, Logged::Named(queue)).await,
        [pause("queue"), entry("resume", "queue", json!(true), json!(false))]
    );
    assert_eq!(logged(&bench, Logged::Named(task_type)).await, [pause("type")]);
    assert_eq!(logged(&bench, Logged::Named(Paused::Type("parcels"))).await, []);
    assert_eq!(logged(&bench, Logged::All).await.len(), 3);
}
