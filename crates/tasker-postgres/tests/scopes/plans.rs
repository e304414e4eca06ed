//! Which scopes read whole tables that grow with history.

use tasker_postgres::schema::Shape;
use tasker_testing::database::TestDatabase;

use crate::every::{Served, every, populate, scanned};

/// Large enough that reading a whole table is dearer than its indexes wherever they serve.
const TASKS: u32 = 20_000;

async fn check(shape: Shape) {
    let database = TestDatabase::with_shape(shape).await;
    let pool = database.pool();
    populate(pool, TASKS).await;
    let mut faults = Vec::new();
    for case in every(pool).await {
        let plan = match case.served {
            Served::Whole => case.asked.explain(pool).await,
            Served::Paged => case.asked.explain_page(pool).await,
            Served::Not(_) => continue,
        };
        let tables = scanned(&plan);
        if !tables.is_empty() {
            faults.push(format!("{}::{} reads all of {tables:?}\n{plan}", case.model, case.scope));
        }
    }
    assert!(faults.is_empty(), "{} of the scopes, {shape}:\n{}", faults.len(), faults.join("\n\n"));
    database.drop().await;
}

#[tokio::test]
async fn no_scope_reads_a_whole_table_where_the_slim_shape_has_an_index() {
    check(Shape::Slim).await;
}

#[tokio::test]
async fn no_scope_reads_a_whole_table_where_the_full_shape_has_an_index() {
    check(Shape::Full).await;
}

#[tokio::test]
async fn a_read_of_a_whole_table_is_noticed() {
    let database = TestDatabase::with_shape(Shape::Slim).await;
    let pool = database.pool();
    populate(pool, TASKS).await;
    sqlx::raw_sql("drop index public.tasks_tags_idx, public.tasks_tags_idx1").execute(pool).await.unwrap();
    let cases = every(pool).await;
    let tagged = cases.iter().find(|case| case.scope == "with_tag").unwrap();
    assert_eq!(scanned(&tagged.asked.explain(pool).await), ["tasker_tasks"]);
    database.drop().await;
}
