//! What makes two requests the same.

use serde_json::json;
use tasker_domain::identity::{CustomIdentity, IdentityError, IdentityInput};
use tasker_postgres::models::*;
use tasker_testing::database::TestDatabase;

use crate::support::{messages, minute};

#[derive(Debug)]
struct PerInitiator;

impl CustomIdentity for PerInitiator {
    fn identity(&self, input: &IdentityInput<'_>) -> String {
        format!("{}/{}/{}", input.name, input.initiator, input.context)
    }
}

fn request(strategy: &IdentityStrategy, key: Option<&str>) -> TaskRequest {
    let mut request = TaskRequest::named("order", json!({"a": 1}));
    request.strategy = strategy.clone();
    request.key = key.map(str::to_owned);
    request.task.requested_at = Some(minute(0));
    request
}

#[tokio::test]
async fn no_two_requests_are_the_same_unless_a_strategy_says_so() {
    // B-MOD-004, B-MOD-005, B-IDN-001
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let first = Task::create_from_request(request(&IdentityStrategy::Uuid, None), pool).await.unwrap();
    let second = Task::create_from_request(request(&IdentityStrategy::Uuid, None), pool).await.unwrap();
    for task in [&first, &second] {
        let uuid: uuid::Uuid = task.identity_hash.parse().unwrap();
        assert_eq!((uuid.get_version_num(), uuid.to_string()), (4, task.identity_hash.clone()));
    }
    assert_ne!(first.identity_hash, second.identity_hash);
}

#[tokio::test]
async fn the_hash_refuses_the_same_and_says_which() {
    // B-MOD-001…003, B-MOD-006…008, B-MOD-010, B-MOD-011, B-IDN-002, B-IDN-003, R-44
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let strategy = IdentityStrategy::Hash;
    let first = Task::create_from_request(request(&strategy, None), pool).await.unwrap();
    assert!(first.task_id > 0);
    assert_eq!(first.identity_hash.len(), 64);
    assert!(first.identity_hash.chars().all(|digit| digit.is_ascii_digit() || ('a'..='f').contains(&digit)));
    // Another namespace and version, other tags: the same.
    let mut elsewhere = request(&strategy, None);
    (elsewhere.namespace, elsewhere.version) = (Some("other".into()), Some("2.0.0".into()));
    elsewhere.task.tags = vec!["urgent".into()];
    let refused = Task::create_from_request(elsewhere.clone(), pool).await.unwrap_err();
    let problems: Vec<_> = refused.validation_errors().unwrap().on("identity_hash").cloned().collect();
    assert_eq!(problems, [Problem::Identical { task_id: Some(first.task_id) }]);
    assert!(refused.to_string().ends_with(&format!("(task {})", first.task_id)), "{refused}");
    assert!(
        Task::find_or_create_from_request(elsewhere, pool).await.is_err(),
        "the hash refuses, it does not give back"
    );
    assert_eq!(Task::scope().count(pool).await.unwrap(), 1);
    // A finished task counts, too.
    first.transition_to(tasker_domain::state::TaskState::Cancelled, (), pool).await.unwrap();
    assert!(Task::create_from_request(request(&strategy, None), pool).await.is_err());
    let mut other = request(&strategy, None);
    other.task.initiator = Some("somebody else".into());
    assert_ne!(Task::create_from_request(other, pool).await.unwrap().identity_hash, first.identity_hash);
    let mut later = request(&strategy, None);
    (later.task.reason, later.task.requested_at) = (Some("again".into()), Some(minute(2)));
    Task::create_from_request(later, pool).await.unwrap();
    // Without a time, the database's counts, and is stored.
    let mut now = request(&strategy, None);
    now.task.requested_at = None;
    let now = Task::create_from_request(now, pool).await.unwrap();
    assert!((now.created_at - now.requested_at).num_seconds() < 60);
    // What stands already is not looked at when it changes.
    let mut changed = Task::find(first.task_id, pool).await.unwrap();
    changed.update(pool, |task| task.reason = Some("changed".into())).await.unwrap();
    assert_eq!(changed.identity_hash, first.identity_hash);
}

#[tokio::test]
async fn a_rule_of_the_programs_own_is_taken_as_it_is() {
    // B-MOD-009, B-IDN-004
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let strategy = IdentityStrategy::custom(PerInitiator);
    let first = Task::create_from_request(request(&strategy, None), pool).await.unwrap();
    assert_eq!(first.identity_hash, "order/unknown/{\"a\":1}");
    let refused = Task::create_from_request(request(&strategy, None), pool).await;
    assert_eq!(messages(refused), ["Identity hash is identical to a request made in the last minute"]);
    let mut long = request(&strategy, None);
    long.task.context = json!({"a": "x".repeat(200)}).into();
    let refused = Task::create_from_request(long, pool).await.unwrap_err();
    assert!(refused.to_string().contains("Identity hash is too long (maximum is 128 characters, it has "), "{refused}");
}

#[tokio::test]
async fn the_same_key_gives_the_same_task() {
    //
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let strategy = IdentityStrategy::Key;
    let asking: Vec<_> = (0..6)
        .map(|number| {
            let (pool, mut request) = (pool.clone(), request(&strategy, Some("order-17")));
            request.task.reason = Some(format!("attempt {number}"));
            tokio::spawn(async move { Task::find_or_create_from_request(request, &pool).await.unwrap() })
        })
        .collect();
    let (mut new, mut ids) = (0, Vec::new());
    for asked in asking {
        let (task, created) = asked.await.unwrap();
        new += usize::from(created);
        ids.push(task.task_id);
    }
    ids.dedup();
    assert_eq!((new, ids.len()), (1, 1));
    let without = Task::find_or_create_from_request(request(&strategy, None), pool).await.unwrap_err();
    assert!(matches!(without, ModelError::Identity(IdentityError::KeyMissing)), "{without:?}");
    let useless = Task::create_from_request(request(&IdentityStrategy::Hash, Some("k")), pool).await.unwrap_err();
    assert!(matches!(useless, ModelError::Identity(IdentityError::KeyUnused { .. })), "{useless:?}");
    let useless = Task::create_from_request(request(&IdentityStrategy::Uuid, Some("k")), pool).await.unwrap_err();
    assert!(useless.to_string().contains("`uuid` does not use keys"), "{useless}");
}
