//! The schema that is made equals the original's catalogue row by row, and every deviation is noticed.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};
use tasker_postgres::schema::{
    Comparison, Difference, Effect, IndexClass, ObjectKind, Problem, Shape, compare, indexes,
};
use tasker_testing::database::TestDatabase;

async fn comparison(pool: &PgPool) -> Comparison {
    compare(&mut pool.acquire().await.unwrap()).await.unwrap()
}

async fn comparison_after(shape: Shape, change: &'static str) -> Comparison {
    let database = TestDatabase::with_shape(shape).await;
    sqlx::raw_sql(change).execute(database.pool()).await.unwrap();
    let compared = comparison(database.pool()).await;
    database.drop().await;
    compared
}

fn only(differences: &[Difference]) -> &Difference {
    assert_eq!(differences.len(), 1, "{differences:#?}");
    &differences[0]
}

#[tokio::test]
async fn every_shape_is_equal_and_named() {
    for shape in Shape::ALL {
        let database = TestDatabase::with_shape(shape).await;
        let compared = comparison(database.pool()).await;
        assert!(compared.is_equal() && compared.is_usable(), "{compared}");
        assert_eq!(compared.shape, shape);
        assert_eq!(compared.warnings, []);
        assert_eq!(compared.foreign_bodies, Vec::<String>::new());
        assert_eq!(compared.to_string(), format!("shape {shape}: equal to the original\n"));
        database.drop().await;
    }
}

/// Independent of the comparison: the numbers that the original's catalogue has, counted by the server.
#[tokio::test]
async fn the_full_shape_has_as_many_objects_as_the_original() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let counts: Vec<i64> = sqlx::query_scalar(
        "SELECT unnest(ARRAY[
            (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'),
            (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0),
            (SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'),
            (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f')),
            (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('p', 'f', 'n')),
            (SELECT count(*) FROM pg_sequences WHERE schemaname = 'public'),
            (SELECT count(*) FROM pg_views WHERE schemaname = 'public'),
            (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
        ])",
    )
    .fetch_all(database.pool())
    .await
    .unwrap();
    assert_eq!(counts, [13, 103, 99, 28, 0, 13, 1, 9]);
    println!("count: 13 tables, 103 columns, 99 indexes, 28 constraints, 13 sequences, 1 view, 9 functions");
    database.drop().await;
}

#[test]
fn every_index_has_a_class_and_duplicates_name_what_they_repeat() {
    let by_name: BTreeMap<&str, _> = indexes().iter().map(|index| (index.name, index)).collect();
    assert_eq!(by_name.len(), 99);
    let count = |shape: Shape| indexes().iter().filter(|index| shape.has(index.class)).count();
    assert_eq!([count(Shape::Lean), count(Shape::Slim), count(Shape::Full)], [30, 78, 99]);
    for index in indexes() {
        if index.class == IndexClass::Duplicate {
            let kept = by_name[index.reason.strip_prefix("same as ").unwrap()];
            assert_eq!((kept.table, kept.definition), (index.table, index.definition), "{}", index.name);
            assert!(Shape::Slim.has(kept.class), "{}", index.name);
        }
        assert!(!index.reason.is_empty());
    }
    let remaining: Vec<_> = indexes().iter().filter(|index| Shape::Slim.has(index.class)).collect();
    let distinct: BTreeSet<_> = remaining.iter().map(|index| (index.table, index.definition)).collect();
    let keys = remaining.iter().filter(|index| index.class == IndexClass::Key).count();
    assert_eq!(distinct.len(), remaining.len() - keys + 13, "slim holds an exact duplicate");
}

#[tokio::test]
async fn a_dropped_column_is_noticed() {
    let compared = comparison_after(Shape::Full, "ALTER TABLE tasker_tasks DROP COLUMN reason").await;
    let difference = only(&compared.differences);
    assert_eq!(
        difference.to_string(),
        "tasker_tasks.reason: missing; expected ordinal 7, pg_type character varying(128), nullable yes"
    );
    assert!(!compared.is_usable());
}

#[tokio::test]
async fn a_renamed_index_is_noticed() {
    let compared = comparison_after(Shape::Full, "ALTER INDEX idx_step_edges_to_from RENAME TO renamed").await;
    assert_eq!(only(&compared.differences).name, "tasker_workflow_step_edges.idx_step_edges_to_from");
    assert_eq!(only(&compared.warnings).name, "tasker_workflow_step_edges.renamed");
    assert!(compared.is_usable());
}

#[tokio::test]
async fn a_missing_rule_makes_the_schema_unusable() {
    let compared =
        comparison_after(Shape::Lean, "DROP INDEX index_tasker_task_transitions_on_task_id_and_most_recent").await;
    assert_eq!(only(&compared.differences).effect, Effect::Unusable);
    assert_eq!(compared.shape, Shape::Lean);
}

#[tokio::test]
async fn an_index_with_another_predicate_is_noticed() {
    let compared = comparison_after(
        Shape::Slim,
        "DROP INDEX idx_workflow_steps_task_readiness; CREATE INDEX idx_workflow_steps_task_readiness \
         ON tasker_workflow_steps (task_id DESC, processed, workflow_step_id) WHERE processed",
    )
    .await;
    assert_eq!(
        only(&compared.differences).to_string(),
        "tasker_workflow_steps.idx_workflow_steps_task_readiness: expected columns task_id asc;processed asc;\
         workflow_step_id asc, predicate processed = false; found columns task_id desc;processed asc;\
         workflow_step_id asc, predicate processed"
    );
}

#[tokio::test]
async fn a_changed_default_is_noticed() {
    let compared =
        comparison_after(Shape::Full, "ALTER TABLE tasker_named_tasks ALTER COLUMN version SET DEFAULT '1'").await;
    assert_eq!(
        only(&compared.differences).to_string(),
        "tasker_named_tasks.version: expected default '0.1.0'::character varying; \
         found default '1'::character varying"
    );
}

#[tokio::test]
async fn another_index_or_column_is_only_a_warning() {
    let compared = comparison_after(
        Shape::Slim,
        "CREATE INDEX of_the_host ON tasker_tasks (updated_at); ALTER TABLE tasker_tasks ADD COLUMN tenant text;
         CREATE TABLE of_the_host_too (id int)",
    )
    .await;
    assert!(compared.is_equal(), "{compared}");
    let names: Vec<_> = compared.warnings.iter().map(|warning| warning.name.as_str()).collect();
    assert_eq!(names, ["tasker_tasks.tenant", "tasker_tasks.of_the_host"]);
}

#[tokio::test]
async fn a_column_that_our_rows_would_not_fill_is_noticed() {
    let compared = comparison_after(Shape::Lean, "ALTER TABLE tasker_tasks ADD COLUMN tenant text NOT NULL").await;
    assert_eq!(only(&compared.differences).effect, Effect::Unusable);
}

#[tokio::test]
async fn a_function_replaced_by_another_kind_is_noticed() {
    let compared =
        comparison_after(Shape::Lean, "ALTER FUNCTION calculate_dependency_levels(bigint) VOLATILE STRICT").await;
    let difference = only(&compared.differences);
    assert_eq!(difference.kind, ObjectKind::Function);
    let Problem::Different { expected, found } = &difference.problem else { panic!("{difference:?}") };
    assert!(expected.ends_with("stable, parallel unsafe, plpgsql"), "{expected}");
    assert!(found.ends_with("volatile, strict, parallel unsafe, plpgsql"), "{found}");
}

#[tokio::test]
async fn a_function_with_another_body_is_accepted_and_named() {
    let compared = comparison_after(
        Shape::Lean,
        "CREATE OR REPLACE FUNCTION calculate_dependency_levels(input_task_id bigint) \
         RETURNS TABLE (workflow_step_id bigint, dependency_level integer) LANGUAGE plpgsql STABLE \
         AS $$ BEGIN RETURN QUERY SELECT 1::bigint, 2; END; $$",
    )
    .await;
    assert!(compared.is_equal(), "{compared}");
    assert_eq!(compared.foreign_bodies, ["calculate_dependency_levels"]);
}

#[tokio::test]
async fn changes_to_constraints_sequences_view_and_triggers_are_noticed() {
    let compared = comparison_after(
        Shape::Lean,
        "ALTER TABLE tasker_task_transitions DROP CONSTRAINT fk_rails_e8caec803c;
         ALTER TABLE tasker_task_transitions ADD CONSTRAINT fk_rails_e8caec803c
            FOREIGN KEY (task_id) REFERENCES tasker_tasks (task_id) ON DELETE CASCADE;
         ALTER TABLE tasker_tasks ADD CONSTRAINT named CHECK (reason <> '');
         ALTER SEQUENCE tasker_tasks_task_id_seq INCREMENT BY 2;
         ALTER SEQUENCE tasker_named_steps_named_step_id_seq OWNED BY NONE;
         DROP VIEW tasker_step_dag_relationships;
         CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON tasker_tasks FOR EACH ROW EXECUTE FUNCTION touched()",
    )
    .await;
    insta::assert_snapshot!(compared);
}

#[tokio::test]
async fn a_missing_table_is_one_difference() {
    let compared = comparison_after(Shape::Lean, "DROP TABLE tasker_dependent_system_object_maps").await;
    let kinds: Vec<_> = compared.differences.iter().map(|difference| difference.kind).collect();
    assert_eq!(kinds, [ObjectKind::Table, ObjectKind::Sequence]);
}

#[tokio::test]
async fn the_comparison_does_not_depend_on_the_session() {
    let database = TestDatabase::with_shape(Shape::Full).await;
    let options = database.options().options([
        ("search_path", "pg_catalog"),
        ("TimeZone", "Asia/Tokyo"),
        ("quote_all_identifiers", "on"),
        ("standard_conforming_strings", "off"),
        ("default_transaction_read_only", "on"),
    ]);
    let pool = PgPool::connect_with(options).await.unwrap();
    let compared = comparison(&pool).await;
    assert!(compared.is_equal(), "{compared}");
    pool.close().await;
    database.drop().await;
}

#[tokio::test]
async fn the_comparison_is_a_json_document() {
    let compared = comparison_after(Shape::Lean, "ALTER TABLE tasker_tasks ALTER COLUMN complete DROP NOT NULL").await;
    insta::assert_json_snapshot!(compared);
}
