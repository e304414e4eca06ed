//! Namespaces, task and step types, systems, kinds of annotations.

use serde_json::json;
use tasker_domain::json::Json;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{Statements, messages, named_task, step, task};

#[tokio::test]
async fn namespace_rules_name_the_field_in_the_originals_words() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let create = |name: String, description: Option<String>| {
        let new = NewTaskNamespace { description, ..NewTaskNamespace::named(name) };
        TaskNamespace::create(new, pool)
    };
    // B-MOD-040
    assert_eq!(messages(create(" \t".into(), None).await), ["Name can't be blank"]);
    create("payments".into(), None).await.unwrap();
    // B-MOD-041, B-MOD-063, B-MOD-064
    assert_eq!(messages(create("payments".into(), None).await), ["Name has already been taken"]);
    create("Payments".into(), None).await.unwrap();
    assert_eq!(create(" payments ".into(), None).await.unwrap().name, " payments ");
    // B-MOD-042…046: lengths are characters
    let refused = create("é".repeat(65), Some("x".repeat(256))).await.unwrap_err();
    assert_eq!(
        refused.validation_errors().unwrap().full_messages(),
        ["Name is too long (maximum is 64 characters)", "Description is too long (maximum is 255 characters)"]
    );
    assert_eq!(
        refused.to_string(),
        "Validation failed: Name is too long (maximum is 64 characters, it has 65), \
         Description is too long (maximum is 255 characters, it has 256)"
    );
    let longest = create("é".repeat(64), Some("x".repeat(255))).await.unwrap();
    assert_eq!(TaskNamespace::find(longest.task_namespace_id, pool).await.unwrap(), longest);
    // B-MOD-061, B-MOD-062
    for name in ["1st-name_space", "'; DROP TABLE tasker_tasks; --", "$1", "\"quoted\"", "line\nfeed", "naïve 🦀"] {
        assert_eq!(create(name.into(), None).await.unwrap().name, name);
        assert_eq!(TaskNamespace::scope().filter(TaskNamespace::NAME.eq(name)).count(pool).await.unwrap(), 1);
    }
    let nul = messages(create("a\0b".into(), None).await);
    assert_eq!(nul, ["Name holds the character U+0000, which PostgreSQL cannot store"]);
    assert_eq!(messages(TaskNamespace::find_or_create("a\0b", pool).await), nul);
}

#[tokio::test]
async fn many_ask_for_the_default_namespace_and_get_one() {
    // B-MOD-049…052
    let database = TestDatabase::with_schema().await;
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let pool = database.pool().clone();
            tokio::spawn(async move { TaskNamespace::default(&pool).await.unwrap().task_namespace_id })
        })
        .collect();
    let mut ids = Vec::new();
    for asked in asking {
        ids.push(asked.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(TaskNamespace::scope().count(database.pool()).await.unwrap(), 1);
    assert!(TaskNamespace::default(database.pool()).await.unwrap().is_default());
}

#[tokio::test]
async fn a_search_waits_for_a_rival_that_has_not_committed() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool().clone();
    let mut rival = pool.begin().await.unwrap();
    let theirs = TaskNamespace::find_or_create("billing", &mut rival).await.unwrap();
    let searching = tokio::spawn(async move { TaskNamespace::find_or_create("billing", &pool).await.unwrap() });
    tokio::task::yield_now().await;
    assert!(!searching.is_finished());
    rival.commit().await.unwrap();
    assert_eq!(searching.await.unwrap(), theirs);
}

#[tokio::test]
async fn a_row_that_a_rival_took_between_check_and_write_breaks_the_same_rule() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool().clone();
    let mut rival = pool.begin().await.unwrap();
    TaskNamespace::create(NewTaskNamespace::named("billing"), &mut rival).await.unwrap();
    let creating = tokio::spawn(async move { TaskNamespace::create(NewTaskNamespace::named("billing"), &pool).await });
    // The check passes, the insert waits for the rival's.
    crate::support::wait_for_a_lock(database.pool()).await;
    rival.commit().await.unwrap();
    assert_eq!(messages(creating.await.unwrap()), ["Name has already been taken"]);
}

#[tokio::test]
async fn what_is_referred_to_cannot_be_deleted() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let named_task = Task::NAMED_TASK.of(&task, pool).await.unwrap();
    let namespace = NamedTask::TASK_NAMESPACE.of(&named_task, pool).await.unwrap();
    // B-MOD-048
    let refused = namespace.clone().delete(pool).await.unwrap_err();
    assert!(
        matches!(&refused, ModelError::RestrictedDelete { model: "TaskNamespace", held_by, .. } if held_by == "tasker_named_tasks"),
        "{refused:?}"
    );
    assert_eq!(TaskNamespace::NAMED_TASKS.of(&namespace, pool).await.unwrap(), std::slice::from_ref(&named_task));
    let refused = named_task.clone().delete(pool).await.unwrap_err();
    assert!(matches!(refused, ModelError::RestrictedDelete { held_by, .. } if held_by == "tasker_tasks"));
    let step = step(&task, "reserve", pool).await;
    let named_step = WorkflowStep::NAMED_STEP.of(&step, pool).await.unwrap();
    assert!(matches!(named_step.clone().delete(pool).await, Err(ModelError::RestrictedDelete { .. })));
    let map = DependentSystemObjectMap::find_or_create(("default-system", "1"), ("b", "2"), pool).await.unwrap();
    let system = NamedStep::DEPENDENT_SYSTEM.of(&named_step, pool).await.unwrap();
    assert!(matches!(system.clone().delete(pool).await, Err(ModelError::RestrictedDelete { .. })));
    // The pair, which would have gone first, is still there.
    DependentSystemObjectMap::find(map.dependent_system_object_map_id, pool).await.unwrap();
    task.delete(pool).await.unwrap();
    system.delete(pool).await.unwrap();
    assert_eq!(NamedStep::scope().count(pool).await.unwrap(), 0);
    assert_eq!(DependentSystemObjectMap::scope().count(pool).await.unwrap(), 0);
    named_task.delete(pool).await.unwrap();
    namespace.delete(pool).await.unwrap();
}

#[tokio::test]
async fn named_task_rules() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let namespace = TaskNamespace::default(pool).await.unwrap();
    let create = |version: &str| {
        NamedTask::create(NewNamedTask { version: version.into(), ..NewNamedTask::named("order", &namespace) }, pool)
    };
    // B-MOD-068, B-MOD-069
    for version in ["1.0", "v1.0.0", "1.0.0-beta", "1.0.0\n", "1..0", "١.٠.٠"] {
        assert_eq!(messages(create(version).await), ["Version must be in semver format (e.g., 1.0.0)"], "{version:?}");
    }
    assert_eq!(
        messages(create("").await),
        ["Version can't be blank", "Version must be in semver format (e.g., 1.0.0)"]
    );
    assert_eq!(messages(create("1.0.000000000000000").await), ["Version is too long (maximum is 16 characters)"]);
    let first = create("0.9.0").await.unwrap();
    // B-MOD-070, B-MOD-059
    assert_eq!(messages(create("0.9.0").await), ["Task namespace has already been taken"]);
    let other = TaskNamespace::find_or_create("other", pool).await.unwrap();
    NamedTask::create(NewNamedTask { version: "0.9.0".into(), ..NewNamedTask::named("order", &other) }, pool)
        .await
        .unwrap();
    let orphan = NewNamedTask { task_namespace_id: 4711, ..NewNamedTask::named("order", &namespace) };
    assert_eq!(messages(NamedTask::create(orphan, pool).await), ["Task namespace must exist"]);
    // B-MOD-072
    assert_eq!(first.full_name(&namespace), "default.order@0.9.0");
    assert_eq!(first.qualified_name(&namespace), "default.order");
    // B-MOD-075, B-SCP-017
    let tenth = create("0.10.0").await.unwrap();
    assert_eq!(NamedTask::find_latest_version("default", "order", pool).await.unwrap(), Some(first.clone()));
    let latest = NamedTask::scope().latest_versions().in_namespace("default").fetch(pool).await.unwrap();
    assert_eq!(latest, std::slice::from_ref(&first));
    assert_eq!(NamedTask::scope().with_version("0.10.0").fetch(pool).await.unwrap(), [tenth]);
    assert!(NamedTask::version_exists("default", "order", "0.10.0", pool).await.unwrap());
    assert!(!NamedTask::version_exists("other", "order", "0.10.0", pool).await.unwrap());
    // B-MOD-060, B-MOD-071
    let found = NamedTask::find_or_create_by_full_name("default", "order", "0.9.0", pool).await.unwrap();
    assert_eq!(found, first);
    assert_eq!(TaskNamespace::scope().custom().pluck(TaskNamespace::NAME, pool).await.unwrap(), ["other"]);
}

#[tokio::test]
async fn configurations_read_empty_where_rails_wrote_its_text() {
    // B-MOD-073, B-MOD-074, R-07
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let mut row = named_task(pool).await;
    assert_eq!(row.configuration, Some(JsonText::empty_object()));
    for stored in ["'\"{}\"'", "NULL", "'{}'"] {
        let sql = format!("UPDATE tasker_named_tasks SET configuration = {stored}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
        row.reload(pool).await.unwrap();
        assert_eq!(row.config(), Json::empty_object());
        assert!(row.is_concurrent());
    }
    row.update_config(&Json::parse(r#"{"a": {"b": 1}, "concurrent": false}"#).unwrap(), pool).await.unwrap();
    row.update_config(&Json::parse(r#"{"a": {"c": 0.1}}"#).unwrap(), pool).await.unwrap();
    let stored = NamedTask::find(row.named_task_id, pool).await.unwrap();
    assert_eq!(stored, row);
    assert_eq!(stored.config(), Json::parse(r#"{"a": {"b": 1, "c": 0.1}, "concurrent": false}"#).unwrap());
    assert!(!stored.is_concurrent());
    let refused = row.update_config(&Json::from(vec![1]), pool).await;
    assert_eq!(messages(refused), ["Configuration must be an object, not a list"]);
}

#[tokio::test]
async fn step_types_and_their_defaults() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    // B-MOD-030…032
    let names = [("crm", "one"), ("erp", "one"), ("crm", "two")];
    let steps = NamedStep::find_or_create_all(names, pool).await.unwrap();
    assert_eq!(steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["one", "one", "two"]);
    assert_eq!(NamedStep::find_or_create_all(names, pool).await.unwrap(), steps);
    assert_eq!(NamedStep::scope().count(pool).await.unwrap(), 3);
    let crm = NamedStep::DEPENDENT_SYSTEM.of(&steps[0], pool).await.unwrap();
    assert_eq!(
        messages(NamedStep::create(NewNamedStep::named("one", &crm), pool).await),
        ["Name has already been taken"]
    );
    let long = NamedStep::create(NewNamedStep::named("x".repeat(129), &crm), pool).await;
    assert_eq!(messages(long), ["Name is too long (maximum is 128 characters)"]);
    // B-MOD-033…036
    let named_task = named_task(pool).await;
    let defaults = StepDefaults { default_retry_limit: 7, default_retryable: false, skippable: true };
    let row = NamedTasksNamedStep::associate(&named_task, "crm", "one", defaults, pool).await.unwrap();
    assert_eq!((row.default_retry_limit, row.default_retryable, row.skippable), (7, false, true));
    let again = NamedTasksNamedStep::associate(&named_task, "erp", "one", StepDefaults::default(), pool).await.unwrap();
    assert_eq!(again, row, "the same name in another system is the same step of the task type");
    let plain =
        NamedTasksNamedStep::find_or_create(&named_task, &steps[2], StepDefaults::default(), pool).await.unwrap();
    assert_eq!((plain.default_retry_limit, plain.default_retryable, plain.skippable), (3, true, false));
    let twice = NewNamedTasksNamedStep::of(&named_task, &steps[2], defaults);
    assert_eq!(
        messages(NamedTasksNamedStep::create(twice, pool).await),
        ["Named task has already been taken", "Named step has already been taken"]
    );
    let rows = NamedTasksNamedStep::scope().named_steps_for_named_task(named_task.named_task_id);
    let rows = rows.order(NamedTasksNamedStep::ID.asc()).fetch(pool).await.unwrap();
    let counted = Statements::counted();
    let types = NamedTasksNamedStep::NAMED_STEP.load(&rows, pool).await.unwrap();
    assert_eq!((types.len(), counted.taken()), (2, 1));
    assert_eq!(types[&i64::from(rows[0].named_step_id)].name, "one");
}

#[tokio::test]
async fn pairs_of_ids_are_found_from_either_side() {
    // B-MOD-037…039
    let database = TestDatabase::with_schema().await;
    let asking: Vec<_> = (0..8)
        .map(|number| {
            let pool = database.pool().clone();
            tokio::spawn(async move {
                let (one, two) = (("shop", "17"), ("warehouse", "a-3"));
                let (one, two) = if number % 2 == 0 { (one, two) } else { (two, one) };
                DependentSystemObjectMap::find_or_create(one, two, &pool).await.unwrap()
            })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap();
    }
    let pool = database.pool();
    assert_eq!(DependentSystemObjectMap::scope().count(pool).await.unwrap(), 1);
    assert_eq!(DependentSystem::scope().count(pool).await.unwrap(), 2);
    let refused = DependentSystemObjectMap::find_or_create(("shop", ""), ("warehouse", &"9".repeat(129)), pool).await;
    assert_eq!(
        messages(refused),
        ["Remote id one can't be blank", "Remote id two is too long (maximum is 128 characters)"]
    );
}

#[tokio::test]
async fn kinds_of_annotations_go_with_their_annotations() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let kind = AnnotationType::find_or_create("note", pool).await.unwrap();
    let text = r#"{"big": 123456789012345678901234567890, "cents": 0.10, "rate": 1e-7}"#;
    let new = NewTaskAnnotation::of(task.task_id, &kind, text.parse::<JsonText>().unwrap());
    let stored = TaskAnnotation::create(new, pool).await.unwrap();
    let read = stored.annotation.clone().unwrap().parse().unwrap();
    assert_eq!(read.get("big").unwrap().as_number(), Some("123456789012345678901234567890"));
    assert_eq!(read.get("cents").unwrap().as_number(), Some("0.10"));
    assert_eq!(TaskAnnotation::ANNOTATION_TYPE.of(&stored, pool).await.unwrap().name, "note");
    let nul = NewTaskAnnotation::of(task.task_id, &kind, json!({"a": "x\0"}));
    let refused = messages(TaskAnnotation::create(nul, pool).await);
    assert_eq!(
        refused,
        ["Annotation cannot be stored: the text at `/a` holds the character U+0000, which PostgreSQL cannot store"]
    );
    let stray = NewTaskAnnotation { annotation: None, ..NewTaskAnnotation::of(4711, &kind, json!(1)) };
    assert_eq!(messages(TaskAnnotation::create(stray, pool).await), ["Task must exist"]);
    kind.delete(pool).await.unwrap();
    assert_eq!(TaskAnnotation::scope().count(pool).await.unwrap(), 0);
    assert_eq!(Task::scope().count(pool).await.unwrap(), 1);
}
