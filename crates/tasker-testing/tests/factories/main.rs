//! The factories against the original's figures, read back from the database.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

mod health;
mod rows;
mod workflows;

use serde_json::Value;
use sqlx::AssertSqlSafe;
use tasker_core::entropy::Entropy;
use tasker_testing::{Factory, TestDatabase};

/// A factory at the database's present instant.
async fn factory(database: &TestDatabase) -> Factory {
    let now = sqlx::query_scalar("SELECT now() AT TIME ZONE 'UTC'").fetch_one(database.pool()).await.unwrap();
    Factory::new(database.pool().clone(), Entropy::seeded(1), now)
}

/// The rows of a table as JSON, by their first column.
async fn rows(database: &TestDatabase, table: &str) -> Vec<Value> {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT to_jsonb(t) FROM (SELECT * FROM {table} ORDER BY 1) t")))
        .fetch_all(database.pool())
        .await
        .unwrap()
}
