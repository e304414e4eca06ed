//! What the tests of this folder share.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use sqlx::{AssertSqlSafe, PgPool};
use tasker_testing::TestDatabase;
use tasker_testing::rails::{FunctionMigration, Recording, make_schema, recordings, write};

/// A database that Rails made, with the rows of every recorded phase, each a task of its own.
pub(crate) struct Rails {
    pub(crate) database: TestDatabase,
    /// The recordings with the ids of their tasks.
    pub(crate) tasks: Vec<(i64, Recording)>,
}

impl Rails {
    pub(crate) async fn new(migration: FunctionMigration) -> Self {
        let database = TestDatabase::create().await;
        make_schema(database.pool(), migration).await;
        let mut transaction = database.pool().begin().await.unwrap();
        let mut tasks = Vec::new();
        for (number, recording) in recordings().into_iter().enumerate() {
            let begun = begun(number);
            tasks.push((write(&mut transaction, &recording, begun).await.unwrap(), recording));
        }
        transaction.commit().await.unwrap();
        Self { database, tasks }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Tasks that have not ended.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = &(i64, Recording)> {
        self.tasks.iter().filter(|(_, recording)| ["pending", "in_progress"].contains(&recording.task_state()))
    }
}

/// When the task of a recording was asked for.
fn begun(number: usize) -> NaiveDateTime {
    let first = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap().and_hms_opt(9, 0, 0).unwrap();
    first + TimeDelta::minutes(number as i64)
}

pub(crate) async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// Everything in schema `public`: each row of each table, every sequence, every definition of an object.
pub(crate) async fn public(pool: &PgPool) -> Vec<String> {
    let mut lines: Vec<String> = sqlx::query_scalar(
        "SELECT format('%s %s', relname, query_to_xml(format('SELECT * FROM public.%I ORDER BY 1', relname), true, true, ''))
         FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
         UNION ALL SELECT format('column %s %s', attrelid::regclass, to_jsonb(a) - 'attrelid') FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT format('trigger %s', tgname) FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT definition FROM pg_views WHERE schemaname = 'public'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(lines.len() > 200, "the schema is looked at");
    lines.sort();
    lines
}
