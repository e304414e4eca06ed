//! Pages, streams, plucked columns and plans.

use futures_util::TryStreamExt;
use serde_json::json;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{minute, named_task};

/// Tasks whose reasons and times repeat; some have no reason.
async fn population(pool: &tasker_postgres::PgPool) -> Vec<Task> {
    let named_task = named_task(pool).await;
    let mut tasks = Vec::new();
    for number in 0..23_i64 {
        let new = NewTask { created_at: Some(minute(number / 4)), ..NewTask::of(&named_task, json!({"n": number})) };
        let mut task = Task::create(new, pool).await.unwrap();
        let reason = [None, Some("b"), Some("a")][usize::try_from(number % 3).unwrap()];
        task.update(pool, |task| task.reason = reason.map(str::to_owned)).await.unwrap();
        tasks.push(task);
    }
    tasks
}

#[tokio::test]
async fn pages_by_key_hold_each_row_once_whatever_the_order() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    population(pool).await;
    let (up, down) = (Task::TASK_ID.asc(), Task::TASK_ID.desc());
    let orders = [
        (Task::scope(), up),
        (Task::scope().order(down), down),
        (Task::scope().order(Task::CREATED_AT.asc()), up),
        (Task::scope().order(Task::REASON.asc()).order(Task::CREATED_AT.desc()), down),
        (Task::scope().order(Task::REASON.desc()).order(Task::CREATED_AT.asc()), up),
        (Task::scope().order(Task::COMPLETE.asc()).order(Task::REASON.desc()), down),
        (Task::scope().order(Task::CREATED_AT.desc()).order(up).order(Task::REASON.asc()), up),
    ];
    for (scope, last) in orders {
        let expected = scope.clone().order(last).fetch(pool).await.unwrap();
        for rows in [1, 4, 23, 50] {
            let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
            loop {
                let page = scope.fetch_page(cursor.as_ref(), rows, pool).await.unwrap();
                seen.extend(page.rows);
                pages += 1;
                let Some(next) = page.next else { break };
                // A cursor survives its way through text.
                cursor = Some(next.to_string().parse::<Cursor>().unwrap());
            }
            assert_eq!(pages, 23_u32.div_ceil(rows), "{}", scope.to_sql());
            assert_eq!(seen, expected, "{} by {rows}", scope.to_sql());
        }
    }
}

#[tokio::test]
async fn a_page_by_key_is_not_shifted_by_rows_that_come_and_go() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let tasks = population(pool).await;
    let scope = Task::scope().order(Task::CREATED_AT.desc());
    let first = scope.fetch_page(None, 5, pool).await.unwrap();
    first.rows[0].clone().delete(pool).await.unwrap();
    let new = NewTask { created_at: Some(minute(99)), ..NewTask::of(&named_task(pool).await, json!({"n": 99})) };
    Task::create(new, pool).await.unwrap();
    let second = scope.fetch_page(first.next.as_ref(), 5, pool).await.unwrap();
    let expected: Vec<i64> = tasks.iter().rev().skip(5).take(5).map(|task| task.task_id).collect();
    assert_eq!(second.rows.iter().map(|task| task.task_id).collect::<Vec<_>>(), expected);
    let refused = Task::scope().fetch_page(first.next.as_ref(), 5, pool).await.unwrap_err();
    assert!(matches!(refused, ModelError::Cursor(_)), "{refused:?}");
    for text in ["", "{}", "[{\"o\":\"task_id asc\"}]", "[{\"o\":\"task_id asc\",\"v\":{\"int\":99999999999}}]"] {
        assert!(matches!(text.parse::<Cursor>(), Err(ModelError::Cursor(_))), "{text}");
    }
}

#[tokio::test]
async fn rows_are_asked_for_in_many_ways() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let tasks = population(pool).await;
    let ids: Vec<i64> = tasks.iter().map(|task| task.task_id).collect();
    let scope = Task::scope().order(Task::TASK_ID.asc());
    assert_eq!(scope.clone().page(2, 10).keys(pool).await.unwrap(), ids[10..20]);
    assert_eq!(Task::scope().page(3, 10).keys(pool).await.unwrap(), ids[20..]);
    assert_eq!(Task::scope().page(0, 10).keys(pool).await.unwrap(), ids[..10]);
    assert_eq!(scope.clone().offset(u64::MAX).keys(pool).await.unwrap(), Vec::<i64>::new());
    assert_eq!(scope.clone().limit(u64::MAX).count(pool).await.unwrap(), 23);
    assert_eq!(scope.clone().limit(5).offset(20).count(pool).await.unwrap(), 3);
    assert_eq!(Task::scope().first(pool).await.unwrap().unwrap(), tasks[0]);
    assert_eq!(Task::scope().last(pool).await.unwrap().unwrap(), tasks[22]);
    assert_eq!(scope.clone().limit(0).first(pool).await.unwrap(), None);
    let streamed: Vec<Task> = scope.stream(pool).try_collect().await.unwrap();
    assert_eq!(streamed, tasks);
    let mut transaction = pool.begin().await.unwrap();
    let streamed: Vec<Task> = scope.stream(&mut transaction).try_collect().await.unwrap();
    assert_eq!(streamed.len(), 23);
    transaction.rollback().await.unwrap();
    let reasons = scope.clone().limit(3).pluck(Task::REASON, pool).await.unwrap();
    assert_eq!(reasons, [None, Some("b".to_owned()), Some("a".to_owned())]);
    let distinct = Task::scope().pluck_distinct(Task::REASON, pool).await.unwrap();
    assert_eq!(distinct, [Some("a".to_owned()), Some("b".to_owned()), None]);
    let contexts = scope.clone().limit(1).pluck(Task::CONTEXT, pool).await.unwrap();
    assert_eq!(contexts[0].as_ref().unwrap().get(), "{\"n\": 0}");
    let either = Task::scope().filter(Task::REASON.eq("a").or(Task::REASON.is_null()).and(Task::TASK_ID.ne(ids[0])));
    assert_eq!(either.count(pool).await.unwrap(), 14);
    assert_eq!(Task::scope().filter(Task::REASON.one_of(["a", "b"])).count(pool).await.unwrap(), 15);
    assert_eq!(Task::scope().filter(Task::TASK_ID.one_of(Vec::<i64>::new())).count(pool).await.unwrap(), 0);
    let plan = Task::scope().in_namespace("default").created_since(minute(1)).explain(pool).await.unwrap();
    assert!(plan.contains("tasker_tasks"), "{plan}");
    assert!(Task::scope().explain_analyze(pool).await.unwrap().contains("actual time"));
}

#[tokio::test]
async fn joins_come_once_and_no_value_is_in_the_text() {
    let text = |name: &str| {
        let scope = Task::scope().with_task_name(name).in_namespace(name).with_version(name).in_namespace(name);
        let part: JsonText = json!({ "key": name }).into();
        let scope =
            scope.by_annotation(name, name, name).with_context(&part).with_annotation(name, &part).with_tag(name);
        scope.or(Task::scope().in_namespace(name)).filter(Task::INITIATOR.one_of([name, name])).to_sql()
    };
    let sql = text("secret");
    assert!(!sql.contains("secret"), "{sql}");
    assert_eq!(sql.matches("JOIN \"public\".\"tasker_named_tasks\"").count(), 1, "{sql}");
    assert_eq!(sql.matches("JOIN \"public\".\"tasker_task_namespaces\"").count(), 1, "{sql}");
    assert_eq!(sql, text("another'; --"));
}
