//! Input that cannot be stored, and what the tables themselves refuse.

use serde_json::json;
use tasker_domain::state::StepState;
use tasker_postgres::PgPool;
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{Statements, dummy, messages, minute, named_task, step, task};

#[tokio::test]
async fn a_text_that_is_too_long_is_named_with_its_limit_and_its_length() {
    // B-MOD-172
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let text = |length: usize| "é".repeat(length);
    let namespace = TaskNamespace::default(pool).await.unwrap();
    let named_task = named_task(pool).await;
    let (one, two) = (
        DependentSystem::find_or_create("a", pool).await.unwrap(),
        DependentSystem::find_or_create("b", pool).await.unwrap(),
    );
    let said = |error: ModelError| error.to_string().trim_start_matches("Validation failed: ").to_owned();
    let mut told = vec![
        said(
            TaskNamespace::create(
                NewTaskNamespace { description: Some(text(256)), ..NewTaskNamespace::named(text(65)) },
                pool,
            )
            .await
            .unwrap_err(),
        ),
        said(
            DependentSystem::create(
                NewDependentSystem { description: Some(text(256)), ..NewDependentSystem::named(text(65)) },
                pool,
            )
            .await
            .unwrap_err(),
        ),
        said(
            NamedStep::create(
                NewNamedStep { description: Some(text(256)), ..NewNamedStep::named(text(129), &one) },
                pool,
            )
            .await
            .unwrap_err(),
        ),
        said(
            NamedTask::create(
                NewNamedTask {
                    description: Some(text(256)),
                    version: "1.0.00000000000000".into(),
                    ..NewNamedTask::named(text(65), &namespace)
                },
                pool,
            )
            .await
            .unwrap_err(),
        ),
        said(
            AnnotationType::create(
                NewAnnotationType { description: Some(text(256)), ..NewAnnotationType::named(text(65)) },
                pool,
            )
            .await
            .unwrap_err(),
        ),
        said(
            DependentSystemObjectMap::create(
                NewDependentSystemObjectMap::between((&one, &text(129)), (&two, &text(130))),
                pool,
            )
            .await
            .unwrap_err(),
        ),
    ];
    let wordy = NewTask {
        initiator: Some(text(129)),
        source_system: Some(text(129)),
        reason: Some(text(129)),
        identity: Identity::Given(text(129)),
        ..NewTask::of(&named_task, json!({"a": 1}))
    };
    told.push(said(Task::create(wordy, pool).await.unwrap_err()));
    insta::assert_snapshot!(told.join("\n"));
    // What just fits is stored: limits count characters.
    NamedStep::create(NewNamedStep { description: Some(text(255)), ..NewNamedStep::named(text(128), &one) }, pool)
        .await
        .unwrap();
    AnnotationType::create(
        NewAnnotationType { description: Some(text(255)), ..NewAnnotationType::named(text(64)) },
        pool,
    )
    .await
    .unwrap();
    NamedTask::create(
        NewNamedTask { version: "1.0.000000000000".into(), ..NewNamedTask::named(text(64), &namespace) },
        pool,
    )
    .await
    .unwrap();
    DependentSystemObjectMap::create(
        NewDependentSystemObjectMap::between((&one, &text(128)), (&two, &text(128))),
        pool,
    )
    .await
    .unwrap();
    let fits = NewTask {
        initiator: Some(text(128)),
        identity: Identity::Given(text(128)),
        ..NewTask::of(&named_task, json!({"a": 1}))
    };
    Task::create(fits, pool).await.unwrap();
}

#[tokio::test]
async fn a_character_that_cannot_be_stored_is_found_in_every_field() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let named_task = named_task(pool).await;
    let new = NewTask {
        reason: Some("a\0".into()),
        tags: vec!["\0".into()],
        ..NewTask::of(&named_task, json!({"a": ["\0"]}))
    };
    let refused = messages(Task::create(new, pool).await);
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(
        refused[0].starts_with("Context cannot be stored: the text at `/a/0` holds the character U+0000"),
        "{refused:?}"
    );
    let step = step(&task(pool).await, "one", pool).await;
    let refused = messages(step.transition_to(StepState::InProgress, json!({"why\0": 1}), pool).await);
    assert!(refused[0].starts_with("Metadata cannot be stored"), "{refused:?}");
    let mut step = step;
    let refused = messages(step.update(pool, |step| step.results = Some(json!({"a": "\0"}).into())).await);
    assert!(refused[0].starts_with("Results cannot be stored"), "{refused:?}");
    assert_eq!(messages(WorkflowStepEdge::create(NewWorkflowStepEdge::named("\0", &step, &step), pool).await).len(), 1);
}

#[tokio::test]
async fn numbers_keep_every_digit() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let text = r#"{"big": 123456789012345678901234567890, "sum": 0.30000000000000004, "cents": 0.10, "tiny": 1e-40}"#;
    let task =
        Task::create(NewTask::of(&named_task(pool).await, text.parse::<JsonText>().unwrap()), pool).await.unwrap();
    let context = Task::find(task.task_id, pool).await.unwrap().context.unwrap().parse().unwrap();
    let number = |key: &str| context.get(key).unwrap().as_number().unwrap().to_owned();
    assert_eq!(number("big"), "123456789012345678901234567890");
    assert_eq!((number("sum").as_str(), number("cents").as_str()), ("0.30000000000000004", "0.10"));
    let mut step = step(&task, "one", pool).await;
    let copied = step.inputs.as_ref().unwrap().parse().unwrap();
    assert_eq!(copied.get("big").unwrap().as_number(), Some("123456789012345678901234567890"));
    step.update(pool, |step| step.results = Some("{\"n\": -98765432109876543210.5}".parse().unwrap())).await.unwrap();
    let results = WorkflowStep::find(step.workflow_step_id, pool).await.unwrap().results.unwrap().parse().unwrap();
    assert_eq!(results.get("n").unwrap().as_number(), Some("-98765432109876543210.5"));
}

#[tokio::test]
async fn an_id_of_another_table_finds_nothing() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (task, steps) = dummy(pool).await;
    let step_id = steps[3].workflow_step_id;
    let missing = Task::find(step_id, pool).await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!("there is no Task {step_id}: it was deleted, or the key belongs to another table")
    );
    let stray = NewWorkflowStepEdge {
        from_step_id: 4711,
        to_step_id: 4712,
        ..NewWorkflowStepEdge::provides(&steps[0], &steps[1])
    };
    assert_eq!(messages(WorkflowStepEdge::create(stray, pool).await), ["From step must exist", "To step must exist"]);
    let huge = TaskNamespace::find(i64::MAX, pool).await.unwrap_err();
    assert!(matches!(huge, ModelError::NotFound { model: "TaskNamespace", .. }), "{huge:?}");
    let kind = AnnotationType::find_or_create("note", pool).await.unwrap();
    let stray = NewTaskAnnotation { annotation_type_id: 4711, ..NewTaskAnnotation::of(task.task_id, &kind, json!(1)) };
    assert_eq!(messages(TaskAnnotation::create(stray, pool).await), ["Annotation type must exist"]);
}

/// SQLSTATE of a statement that the tables refuse.
async fn refusal(sql: &str, pool: &PgPool) -> String {
    let refused = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap_err();
    refused.as_database_error().unwrap().code().unwrap().into_owned()
}

#[tokio::test]
async fn the_tables_refuse_twice_the_same_by_themselves() {
    // B-MOD-065, B-MOD-169…171
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (task, steps) = dummy(pool).await;
    let kind = AnnotationType::find_or_create("note", pool).await.unwrap();
    TaskAnnotation::create(NewTaskAnnotation::of(task.task_id, &kind, json!(1)), pool).await.unwrap();
    let named_task = named_task(pool).await;
    let named_step = WorkflowStep::NAMED_STEP.of(&steps[0], pool).await.unwrap();
    NamedTasksNamedStep::find_or_create(&named_task, &named_step, StepDefaults::default(), pool).await.unwrap();
    DependentSystemObjectMap::find_or_create(("a", "1"), ("b", "2"), pool).await.unwrap();
    for copied in [
        "tasker_task_namespaces (name, created_at, updated_at) SELECT name, now(), now() FROM tasker_task_namespaces",
        "tasker_named_tasks (name, version, task_namespace_id, created_at, updated_at)
           SELECT name, version, task_namespace_id, now(), now() FROM tasker_named_tasks",
        "tasker_dependent_systems (name, created_at, updated_at) SELECT name, now(), now() FROM tasker_dependent_systems",
        "tasker_named_steps (name, dependent_system_id, created_at, updated_at)
           SELECT name, dependent_system_id, now(), now() FROM tasker_named_steps",
        "tasker_annotation_types (name, created_at, updated_at) SELECT name, now(), now() FROM tasker_annotation_types",
        "tasker_named_tasks_named_steps (named_task_id, named_step_id, created_at, updated_at)
           SELECT named_task_id, named_step_id, now(), now() FROM tasker_named_tasks_named_steps",
        "tasker_dependent_system_object_maps
           (dependent_system_one_id, dependent_system_two_id, remote_id_one, remote_id_two, created_at, updated_at)
           SELECT dependent_system_one_id, dependent_system_two_id, remote_id_one, remote_id_two, now(), now()
           FROM tasker_dependent_system_object_maps",
    ] {
        assert_eq!(refusal(&format!("INSERT INTO {copied}"), pool).await, "23505", "{copied}");
    }
    for (table, owner, id) in [
        ("tasker_task_transitions", "task_id", task.task_id),
        ("tasker_workflow_step_transitions", "workflow_step_id", steps[0].workflow_step_id),
    ] {
        let row = |sort_key: i32, newest: bool| {
            format!(
                "INSERT INTO {table} ({owner}, to_state, sort_key, most_recent, created_at, updated_at)
                 VALUES ({id}, 'pending', {sort_key}, {newest}, now(), now())"
            )
        };
        sqlx::query(sqlx::AssertSqlSafe(row(10, true))).execute(pool).await.unwrap();
        assert_eq!(refusal(&row(20, true), pool).await, "23505", "two newest rows");
        assert_eq!(refusal(&row(10, false), pool).await, "23505", "two of one sort key");
        sqlx::query(sqlx::AssertSqlSafe(row(20, false))).execute(pool).await.unwrap();
    }
}

#[tokio::test]
async fn namespaces_have_ids_of_their_own_and_list_their_task_types() {
    // B-MOD-047, B-MOD-058…060, B-MOD-066, B-MOD-067, B-MOD-173
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let in_one = NamedTask::find_or_create_by_full_name("one", "order", "1.2.3", pool).await.unwrap();
    let in_two = NamedTask::find_or_create_by_full_name("two", "order", "1.2.3", pool).await.unwrap();
    let refund = NamedTask::find_or_create_by_full_name("one", "refund", "1.2.3", pool).await.unwrap();
    let one = NamedTask::TASK_NAMESPACE.of(&in_one, pool).await.unwrap();
    let two = NamedTask::TASK_NAMESPACE.of(&in_two, pool).await.unwrap();
    assert_ne!(one.task_namespace_id, two.task_namespace_id);
    assert_eq!((one.name.as_str(), in_one.name.as_str(), in_one.version.as_str()), ("one", "order", "1.2.3"));
    assert_eq!(TaskNamespace::key_column().name(), "task_namespace_id");
    let counted = Statements::counted();
    let listed = TaskNamespace::NAMED_TASKS.load([&one, &two], pool).await.unwrap();
    assert_eq!(counted.taken(), 1);
    assert_eq!(listed[&i64::from(one.task_namespace_id)], [in_one.clone(), refund]);
    assert_eq!(listed[&i64::from(two.task_namespace_id)], [in_two]);
    assert_eq!(NamedTask::find_or_create_by_full_name("one", "order", "1.2.3", pool).await.unwrap(), in_one);
    // Times are cut to microseconds, not rounded, and taken as UTC.
    let at = minute(0) + chrono::TimeDelta::nanoseconds(1_999_999);
    let new = NewTask { requested_at: Some(at), ..NewTask::of(&in_one, json!({"a": 1})) };
    let task = Task::create(new, pool).await.unwrap();
    assert_eq!(task.requested_at, minute(0) + chrono::TimeDelta::microseconds(1_999));
}

#[tokio::test]
async fn the_view_shows_the_dummy_task() {
    // B-MOD-111…118
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (task, steps) = dummy(pool).await;
    let rows = StepDagRelationship::scope().for_task(task.task_id).order(StepDagRelationship::WORKFLOW_STEP_ID.asc());
    let rows = rows.fetch(pool).await.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.parent_ids(),
                row.child_ids(),
                row.parent_count,
                row.child_count,
                row.is_root(),
                row.min_depth_from_root,
            )
        })
        .collect();
    let id = |place: usize| steps[place].workflow_step_id;
    assert_eq!(
        shown,
        [
            (vec![], vec![], Some(0), Some(0), true, Some(0)),
            (vec![], vec![id(2)], Some(0), Some(1), true, Some(0)),
            (vec![id(1)], vec![id(3)], Some(1), Some(1), false, Some(1)),
            (vec![id(2)], vec![], Some(1), Some(0), false, Some(2)),
        ]
    );
    assert!(rows.iter().all(|row| row.task_id == task.task_id));
    assert_eq!(refusal("DELETE FROM tasker_step_dag_relationships", pool).await, "55000");
}

#[tokio::test]
async fn beyond_fifty_levels_the_view_knows_no_depth() {
    // B-MOD-117
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    let mut steps = Vec::new();
    for place in 0..53 {
        steps.push(step(&task, &format!("s{place}"), pool).await.workflow_step_id);
    }
    sqlx::query(
        "INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
         SELECT e.f, e.t, 'provides', now(), now() FROM unnest($1::bigint[], $2::bigint[]) AS e(f, t)",
    )
    .bind(&steps[..52])
    .bind(&steps[1..])
    .execute(pool)
    .await
    .unwrap();
    let depth = async |place: usize| StepDagRelationship::find(steps[place], pool).await.unwrap().min_depth_from_root;
    assert_eq!((depth(0).await, depth(50).await), (Some(0), Some(50)));
    assert_eq!((depth(51).await, depth(52).await), (None, None));
    assert!(StepDagRelationship::find(steps[52], pool).await.unwrap().is_leaf());
}
