//! Rails' bookkeeping, written for an application that comes later.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use sqlx::PgPool;
use tasker_postgres::maintenance::{MaintenanceError, rails_lock_key, rails_versions};
use tasker_postgres::schema::{SchemaError, Shape, default_shape};
use tasker_testing::TestDatabase;

fn versions(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn columns(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT format('%s.%s %s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN '!' END)
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relname IN ('schema_migrations', 'ar_internal_metadata') AND a.attnum > 0 ORDER BY c.relname DESC, a.attnum",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn the_tables_are_those_that_rails_makes_and_versions_are_written_once() {
    let database = TestDatabase::with_shape(Shape::Slim).await;
    let pool = database.pool();
    let two = versions(&["20250720000002", "20250720000001"]);
    let first = rails_versions(pool, &two, Some("production")).await.unwrap();
    assert_eq!((first.tables_made, first.shape), (true, Shape::Slim));
    assert_eq!(first.added, ["20250720000001", "20250720000002"]);
    assert_eq!(
        columns(pool).await,
        [
            "schema_migrations.version character varying!",
            "ar_internal_metadata.key character varying!",
            "ar_internal_metadata.value character varying",
            "ar_internal_metadata.created_at timestamp(6) without time zone!",
            "ar_internal_metadata.updated_at timestamp(6) without time zone!",
        ]
    );
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT conname::text FROM pg_constraint WHERE contype = 'p' AND conrelid IN ('schema_migrations'::regclass, 'ar_internal_metadata'::regclass) ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(keys, ["ar_internal_metadata_pkey", "schema_migrations_pkey"]);

    let three = versions(&["20250720000001", "20250720000002", "20250720000003", "20250720000003"]);
    let second = rails_versions(pool, &three, Some("test")).await.unwrap();
    assert!(!second.tables_made);
    assert_eq!(
        (second.added, second.present),
        (versions(&["20250720000003"]), versions(&["20250720000001", "20250720000002"]))
    );
    let environment: String = sqlx::query_scalar("SELECT value FROM ar_internal_metadata WHERE key = 'environment'")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(environment, "production", "what Rails has written stays");
    assert_eq!(default_shape(&mut pool.acquire().await.unwrap()).await.unwrap(), Shape::Full, "now it is Rails' too");
    database.drop().await;
}

#[tokio::test]
async fn nothing_is_written_beside_a_run_of_rails_migrations() {
    // The checksum of the name `check` under which the polynomial is always tried, and a key that Rails would compute.
    assert_eq!(rails_lock_key("123456789"), 2_053_462_845 * 0xcbf4_3926);
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    let mut rails = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(rails_lock_key(database.name()))
        .execute(&mut *rails)
        .await
        .unwrap();
    let refused = rails_versions(pool, &versions(&["1"]), None).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::RailsMigrates), "{refused}");
    rails.rollback().await.unwrap();
    assert_eq!(columns(pool).await, Vec::<String>::new());
    rails_versions(pool, &versions(&["1"]), None).await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn only_versions_and_only_where_the_tables_stand() {
    let database = TestDatabase::create().await;
    let refused = rails_versions(database.pool(), &versions(&["20250701165431"]), None).await.unwrap_err();
    assert!(matches!(refused, MaintenanceError::Schema(SchemaError::NothingToAdopt)), "{refused}");
    for wrong in ["", "001_tasker", "1; DROP TABLE x", "２０"] {
        let refused = rails_versions(database.pool(), &versions(&[wrong]), None).await.unwrap_err();
        assert!(matches!(refused, MaintenanceError::NotAVersion { .. }), "{refused}");
    }
    database.drop().await;
}
