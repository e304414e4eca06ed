//! Tasks.

use serde_json::json;
use tasker_domain::state::{StepState, TaskState};
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{Statements, messages, minute, named_task, step, task};

#[tokio::test]
async fn a_new_task_has_the_originals_defaults() {
    // B-MOD-004, B-MOD-005, B-MOD-013, B-MOD-019
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let request = TaskRequest::named("order", json!({"id": 1}));
    let task = Task::create_from_request(request.clone(), pool).await.unwrap();
    assert_eq!(task.initiator.as_deref(), Some("unknown"));
    assert_eq!(task.source_system.as_deref(), Some("unknown"));
    assert_eq!(task.reason.as_deref(), Some("unknown"));
    assert_eq!((task.tags.as_ref().unwrap().get(), task.bypass_steps.as_ref().unwrap().get()), ("[]", "[]"));
    assert!(!task.complete);
    assert_eq!(task.created_at, task.updated_at);
    assert_eq!(task.requested_at, task.created_at);
    let (hash, digits) =
        (task.identity_hash.as_str(), |c: char| c == '-' || c.is_ascii_digit() || c.is_ascii_lowercase());
    assert!(hash.len() == 36 && hash.chars().all(digits), "{hash}");
    let second = Task::create_from_request(request, pool).await.unwrap();
    assert_ne!(second.identity_hash, task.identity_hash);
    assert_eq!(second.named_task_id, task.named_task_id);
    let named_task = Task::NAMED_TASK.of(&task, pool).await.unwrap();
    assert_eq!((named_task.name.as_str(), named_task.version.as_str()), ("order", "0.1.0"));
}

#[tokio::test]
async fn task_rules() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let named_task = named_task(pool).await;
    // B-MOD-012, R-43
    for context in [json!(null), json!(false), json!("  ")] {
        assert_eq!(messages(Task::create(NewTask::of(&named_task, context), pool).await), ["Context can't be blank"]);
    }
    assert_eq!(Task::create(NewTask::of(&named_task, json!({})), pool).await.unwrap().context.unwrap().get(), "{}");
    let long = NewTask {
        initiator: Some("x".repeat(129)),
        reason: Some("y".repeat(200)),
        identity: Identity::Given("z".repeat(129)),
        named_task_id: 4711,
        ..NewTask::of(&named_task, json!({"a": 1}))
    };
    assert_eq!(
        messages(Task::create(long, pool).await),
        [
            "Initiator is too long (maximum is 128 characters)",
            "Reason is too long (maximum is 128 characters)",
            "Identity hash is too long (maximum is 128 characters)",
            "Named task must exist",
        ]
    );
    // B-MOD-011, R-44
    let keyed = NewTask { identity: Identity::Given("k".into()), ..NewTask::of(&named_task, json!({"a": 1})) };
    let first = Task::create(keyed.clone(), pool).await.unwrap();
    let refused = Task::create(keyed.clone(), pool).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "Validation failed: Identity hash is identical to a request made in the last minute (task {})",
            first.task_id
        )
    );
    assert_eq!(Task::find_or_create(keyed, pool).await.unwrap(), (first, false));
}

#[tokio::test]
async fn bypass_steps_and_tags_are_spelled_as_rails_does() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let names = vec!["a&b".to_owned(), "<c>".to_owned(), "\u{2028}".to_owned()];
    let new = NewTask {
        bypass_steps: names.clone(),
        tags: names.clone(),
        ..NewTask::of(&named_task(pool).await, json!({"a": 1}))
    };
    let task = Task::create(new, pool).await.unwrap();
    let stored: String =
        sqlx::query_scalar("SELECT bypass_steps::text FROM tasker_tasks").fetch_one(pool).await.unwrap();
    assert_eq!(stored, r#"["a\u0026b","\u003cc\u003e","\u2028"]"#);
    assert_eq!((task.bypassed_step_names(), task.tag_list()), (names.clone(), names));
    assert_eq!(Task::scope().with_tag("a&b").keys(pool).await.unwrap(), [task.task_id]);
    assert!(!Task::scope().with_tag("a").exists(pool).await.unwrap());
}

#[tokio::test]
async fn an_update_writes_only_what_differs() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let mut ours = task(pool).await;
    let before = ours.clone();
    let counted = Statements::counted();
    ours.update(pool, |task| task.reason = Some("unknown".into())).await.unwrap();
    assert_eq!((counted.taken(), &ours), (0, &before));
    let mut theirs = ours.clone();
    theirs.update(pool, |task| task.initiator = Some("rails".into())).await.unwrap();
    ours.update(pool, |task| task.reason = Some("ours".into())).await.unwrap();
    assert_eq!((ours.initiator.as_deref(), ours.reason.as_deref()), (Some("rails"), Some("ours")));
    assert!(ours.updated_at > before.updated_at);
    assert_eq!(ours.created_at, before.created_at);
    let refused = ours.update(pool, |task| task.reason = Some("x".repeat(129))).await;
    assert_eq!(messages(refused), ["Reason is too long (maximum is 128 characters)"]);
    assert_eq!(ours.reason.as_deref(), Some("ours"));
    assert_eq!(messages(ours.update(pool, |task| task.task_id += 1).await), ["Task cannot be changed"]);
    ours.clone().delete(pool).await.unwrap();
    let gone = ours.update(pool, |task| task.reason = None).await.unwrap_err();
    assert!(matches!(gone, ModelError::NotFound { model: "Task", .. }), "{gone:?}");
}

#[tokio::test]
async fn deleting_a_task_deletes_what_belongs_to_it_and_nothing_else() {
    // B-MOD-016
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (doomed, kept) = (task(pool).await, task(pool).await);
    let kind = AnnotationType::find_or_create("note", pool).await.unwrap();
    for task in [&doomed, &kept] {
        let (first, second) = (step(task, "one", pool).await, step(task, "two", pool).await);
        first.add_provides_edge(&second, pool).await.unwrap();
        let transition = NewWorkflowStepTransition::to(StepState::InProgress, first.workflow_step_id, 10);
        WorkflowStepTransition::create(transition, pool).await.unwrap();
        TaskAnnotation::create(NewTaskAnnotation::of(task.task_id, &kind, json!(1)), pool).await.unwrap();
        TaskTransition::create(NewTaskTransition::to(TaskState::InProgress, task.task_id, 10), pool).await.unwrap();
    }
    doomed.delete(pool).await.unwrap();
    assert_eq!(Task::scope().keys(pool).await.unwrap(), [kept.task_id]);
    assert_eq!(WorkflowStep::scope().count(pool).await.unwrap(), 2);
    assert_eq!(WorkflowStepEdge::scope().count(pool).await.unwrap(), 1);
    assert_eq!(WorkflowStepTransition::scope().count(pool).await.unwrap(), 1);
    assert_eq!(TaskAnnotation::scope().count(pool).await.unwrap(), 1);
    assert_eq!(TaskTransition::scope().count(pool).await.unwrap(), 1);
}

#[tokio::test]
async fn states_come_from_the_most_recent_transition() {
    // B-MOD-014, B-MOD-015, B-MOD-017, B-MOD-018
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let (fresh, failed) = (task(pool).await, task(pool).await);
    let earlier =
        NewTaskTransition { most_recent: false, ..NewTaskTransition::to(TaskState::InProgress, failed.task_id, 10) };
    TaskTransition::create(earlier, pool).await.unwrap();
    TaskTransition::create(NewTaskTransition::to(TaskState::Error, failed.task_id, 20), pool).await.unwrap();
    assert_eq!(fresh.state(pool).await.unwrap(), TaskState::Pending);
    assert_eq!(failed.state(pool).await.unwrap(), TaskState::Error);
    let counted = Statements::counted();
    assert_eq!(Task::states([&fresh, &failed], pool).await.unwrap().len(), 2);
    assert_eq!(counted.taken(), 1);
    assert!(fresh.all_steps_complete(pool).await.unwrap());
    let (one, two) = (step(&fresh, "one", pool).await, step(&fresh, "two", pool).await);
    assert!(!fresh.all_steps_complete(pool).await.unwrap());
    for (step, state) in [(&one, StepState::Complete), (&two, StepState::ResolvedManually)] {
        let transition = NewWorkflowStepTransition::to(state, step.workflow_step_id, 10);
        WorkflowStepTransition::create(transition, pool).await.unwrap();
    }
    assert!(fresh.all_steps_complete(pool).await.unwrap());
    assert_eq!(fresh.step_by_name("two", pool).await.unwrap(), Some(two));
    assert_eq!(fresh.step_by_name("three", pool).await.unwrap(), None);
    assert_eq!(failed.step_by_name("two", pool).await.unwrap(), None);
}

#[tokio::test]
async fn everything_of_many_tasks_is_loaded_with_the_same_few_statements() {
    // B-SCP-009
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let kind = AnnotationType::find_or_create("note", pool).await.unwrap();
    let mut needed = Vec::new();
    for tasks in [1, 6] {
        while Task::scope().count(pool).await.unwrap() < tasks {
            let task = task(pool).await;
            let (one, two) = (step(&task, "one", pool).await, step(&task, "two", pool).await);
            one.add_provides_edge(&two, pool).await.unwrap();
            TaskAnnotation::create(NewTaskAnnotation::of(task.task_id, &kind, json!(1)), pool).await.unwrap();
            TaskTransition::create(NewTaskTransition::to(TaskState::InProgress, task.task_id, 10), pool).await.unwrap();
        }
        let counted = Statements::counted();
        let loaded = Task::scope().order(Task::TASK_ID.asc()).fetch_with_all_associated(pool).await.unwrap();
        needed.push(counted.taken());
        assert_eq!(loaded.len(), usize::try_from(tasks).unwrap());
        for task in loaded {
            assert_eq!((task.named_task.name.as_str(), task.namespace.name.as_str()), ("order", "default"));
            let [one, two] = &task.steps[..] else { panic!("{:?}", task.steps) };
            assert_eq!((one.named_step.name.as_str(), &one.children), ("one", &vec![two.step.workflow_step_id]));
            assert_eq!((two.named_step.name.as_str(), &two.parents), ("two", &vec![one.step.workflow_step_id]));
            assert_eq!((task.annotations.len(), task.annotations[0].1.name.as_str()), (1, "note"));
            assert_eq!(task.transitions.len(), 1);
        }
    }
    assert_eq!(needed, [10, 10]);
}

#[tokio::test]
async fn infinite_instants_of_others_can_be_read() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let task = task(pool).await;
    sqlx::query("UPDATE tasker_tasks SET requested_at = 'infinity'").execute(pool).await.unwrap();
    assert_eq!(Task::find(task.task_id, pool).await.unwrap().requested_at, chrono::NaiveDateTime::MAX);
    sqlx::query("UPDATE tasker_tasks SET requested_at = '-infinity'").execute(pool).await.unwrap();
    let mut read = Task::find(task.task_id, pool).await.unwrap();
    assert_eq!(read.requested_at, chrono::NaiveDateTime::MIN);
    read.update(pool, |task| task.requested_at = minute(1)).await.unwrap();
    assert_eq!(read.requested_at, minute(1));
}

#[tokio::test]
async fn types_are_counted_by_name() {
    // B-SCP-008
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    for (namespace, name, version) in
        [("a", "x", "1.0.0"), ("b", "x", "1.0.0"), ("a", "x", "2.0.0"), ("a", "y", "1.0.0")]
    {
        let request = TaskRequest {
            namespace: Some(namespace.into()),
            version: Some(version.into()),
            ..TaskRequest::named(name, json!({"a": 1}))
        };
        Task::create_from_request(request, pool).await.unwrap();
    }
    assert_eq!(Task::scope().unique_task_types_count(pool).await.unwrap(), 2);
    assert_eq!(Task::scope().in_namespace("b").unique_task_types_count(pool).await.unwrap(), 1);
}

#[tokio::test]
async fn the_hash_tells_requests_of_one_minute_apart_by_their_content() {
    // B-MOD-001…003, B-MOD-010, B-MOD-011
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let named_task = named_task(pool).await;
    let request = |reason: &str, at| {
        let new = NewTask { reason: Some(reason.into()), ..NewTask::of(&named_task, json!({"a": 1})) };
        new.identified(&IdentityStrategy::Hash, None, "order", at).unwrap()
    };
    let first = Task::create(request("why", minute(0)), pool).await.unwrap();
    assert_eq!((first.identity_hash.len(), first.requested_at), (64, minute(0)));
    let seconds_later = minute(0) + chrono::TimeDelta::seconds(59);
    let refused = Task::create(request("why", seconds_later), pool).await;
    assert_eq!(messages(refused), ["Identity hash is identical to a request made in the last minute"]);
    Task::create(request("why not", minute(2)), pool).await.unwrap();
    let nul =
        NewTask::of(&named_task, json!("\0")).identified(&IdentityStrategy::Hash, None, "order", minute(0)).map(|_| ());
    assert_eq!(messages(nul).len(), 1);
}
