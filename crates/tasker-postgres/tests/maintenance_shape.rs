//! Changing which indexes there are, while others use the database.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use std::time::Duration;

use sqlx::PgPool;
use tasker_postgres::maintenance::{IndexAction, MaintenanceError, ReshapeProgress, Reshaped, plan_reshape, reshape};
use tasker_postgres::schema::{SchemaError, Shape, compare};
use tasker_testing::TestDatabase;

const SOON: Duration = Duration::from_secs(10);

async fn change(pool: &PgPool, shape: Shape) -> Reshaped {
    reshape(pool, shape, SOON, |_| {}).await.unwrap()
}

async fn equal_in(pool: &PgPool) -> Shape {
    let comparison = compare(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(comparison.is_equal() && comparison.warnings.is_empty(), "{comparison}");
    comparison.shape
}

async fn run(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap();
}

#[tokio::test]
async fn every_shape_can_be_reached_from_every_other() {
    let database = TestDatabase::with_shape(Shape::Lean).await;
    let pool = database.pool();
    for (shape, made, dropped) in [
        (Shape::Full, 69, 0),
        (Shape::Slim, 0, 21),
        (Shape::Lean, 0, 48),
        (Shape::Slim, 48, 0),
        (Shape::Full, 21, 0),
        (Shape::Lean, 0, 69),
    ] {
        let planned = plan_reshape(pool, shape).await.unwrap();
        let mut told = Vec::new();
        let done = reshape(pool, shape, SOON, |progress| told.push(progress)).await.unwrap();
        assert_eq!(done.plan, planned);
        let count = |action| done.plan.changes.iter().filter(|change| change.action == action).count();
        assert_eq!((count(IndexAction::Make), count(IndexAction::Drop)), (made, dropped), "{shape}");
        assert_eq!(told.len(), 2 * (made + dropped), "each change is told twice");
        assert_eq!(equal_in(pool).await, shape);
        assert_eq!((done.bytes_after > done.bytes_before, done.plan.foreign.len()), (made > 0, 0));

        let again = change(pool, shape).await;
        assert_eq!((again.plan.from, again.plan.changes.len()), (shape, 0), "a second time nothing changes");
        assert_eq!(again.bytes_before, again.bytes_after);
    }
    database.drop().await;
}

#[tokio::test]
async fn a_build_that_was_cut_off_is_recognised_and_done_again() {
    let database = TestDatabase::with_shape(Shape::Slim).await;
    let pool = database.pool();
    // Somebody's transaction does not end: an index over its table can be begun and not finished.
    let mut open = pool.begin().await.unwrap();
    sqlx::raw_sql("INSERT INTO tasker_annotation_types (name, created_at, updated_at) VALUES ('a', now(), now())")
        .execute(&mut *open)
        .await
        .unwrap();
    let mut again = 0;
    let refused = reshape(pool, Shape::Full, Duration::from_millis(100), |progress| {
        again += u32::from(matches!(progress, ReshapeProgress::Again { .. }));
    })
    .await
    .unwrap_err();
    assert!(
        matches!(&refused, MaintenanceError::Locked { index, action: "made" } if index == "annotation_types_name_index"),
        "{refused}"
    );
    assert_eq!(again, 2, "it was tried three times");
    open.rollback().await.unwrap();

    let plan = plan_reshape(pool, Shape::Full).await.unwrap();
    assert_eq!((plan.changes.len(), plan.changes[0].action), (21, IndexAction::Rebuild));
    assert_eq!(plan.changes[0].index.name, "annotation_types_name_index");
    assert!(plan.foreign.is_empty(), "what was left unusable is ours");
    change(pool, Shape::Full).await;
    assert_eq!(equal_in(pool).await, Shape::Full);
    database.drop().await;
}

#[tokio::test]
async fn where_rails_is_every_index_stays() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    run(
        pool,
        "CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
         CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar)",
    )
    .await;
    for shape in [Shape::Slim, Shape::Lean] {
        let refused = reshape(pool, shape, SOON, |_| {}).await.unwrap_err();
        assert!(
            matches!(refused, MaintenanceError::RailsNeedsEveryIndex { shape: asked } if asked == shape),
            "{refused}"
        );
        assert!(plan_reshape(pool, shape).await.is_err());
    }
    assert_eq!(equal_in(pool).await, Shape::Full);
    run(pool, "DROP INDEX tasks_tags_idx").await;
    assert_eq!(change(pool, Shape::Full).await.plan.changes.len(), 1, "the way back to full is open");
    database.drop().await;
}

#[tokio::test]
async fn an_index_that_is_something_else_is_left_alone() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let pool = database.pool();
    run(pool, "DROP INDEX tasks_tags_idx; CREATE INDEX tasks_tags_idx ON tasker_tasks (reason); CREATE INDEX theirs ON tasker_tasks (initiator)")
        .await;
    let done = change(pool, Shape::Lean).await;
    assert_eq!(done.plan.foreign, ["tasks_tags_idx"]);
    let left: Vec<String> = sqlx::query_scalar(
        "SELECT indexname::text FROM pg_indexes WHERE indexname IN ('tasks_tags_idx', 'theirs') ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(left, ["tasks_tags_idx", "theirs"]);
    database.drop().await;
}

#[tokio::test]
async fn one_program_at_a_time_and_only_on_taskers_tables() {
    let database = TestDatabase::create().await;
    let refused = reshape(database.pool(), Shape::Full, SOON, |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::Schema(SchemaError::NothingToAdopt)), "{refused}");
    database.drop().await;

    let database = TestDatabase::with_shape(Shape::Lean).await;
    let pool = database.pool();
    let mut other = pool.acquire().await.unwrap();
    sqlx::raw_sql("SELECT pg_advisory_lock(x'7461736b65720002'::bigint)").execute(&mut *other).await.unwrap();
    let refused = reshape(pool, Shape::Slim, SOON, |_| {}).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::BeingReshaped), "{refused}");
    drop(other);
    database.drop().await;
}
