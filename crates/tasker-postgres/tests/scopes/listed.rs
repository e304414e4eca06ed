//! The list of scopes is whole, and each reads columns of the types that its model declares.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::{AssertSqlSafe, Column, Connection, Executor, PgConnection, Row, SqlSafeStr, Statement, TypeInfo};
use tasker_testing::database::TestDatabase;

use crate::every::{Asked, every, populate};

/// The methods that narrow a scope, by model, as they stand in the source.
fn declared() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/models");
    for file in sources(&models) {
        let mut of: Vec<&str> = Vec::new();
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with("impl") {
                of = match line.strip_suffix("> {").and_then(|line| line.rsplit_once("impl Scope<")) {
                    Some((_, model)) => vec![model],
                    None if line == "impl crate::models::Scope<$model> {" => {
                        vec!["TaskTransition", "WorkflowStepTransition"]
                    }
                    None => Vec::new(),
                };
            }
            let method = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub async fn "));
            let Some((name, taken)) = method.and_then(|line| line.split_once('(')) else { continue };
            if taken.starts_with("self") {
                let name = name.split('<').next().unwrap();
                found.extend(of.iter().map(|model| ((*model).to_owned(), name.to_owned())));
            }
        }
    }
    found
}

pub(crate) fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What does not fit between a scope's columns and the model that reads them.
async fn misfits(asked: &dyn Asked, connection: &mut PgConnection) -> Vec<String> {
    let prepared = match connection.prepare(AssertSqlSafe(asked.sql()).into_sql_str()).await {
        Ok(prepared) => prepared,
        Err(error) => return vec![error.to_string()],
    };
    let mut misfits = Vec::new();
    for declared in asked.columns() {
        let Some(column) = prepared.columns().iter().find(|column| column.name() == declared.name) else {
            misfits.push(format!("column {} is missing", declared.name));
            continue;
        };
        if !declared.types.contains(&column.type_info().name()) {
            misfits.push(format!("column {} is {}, read as {:?}", declared.name, column.type_info(), declared.types));
        }
        if let (Some(table), Some(place)) = (column.relation_id(), column.relation_attribute_no()) {
            let row = sqlx::query("select not attnotnull and relkind = 'r' from pg_attribute join pg_class c on c.oid = attrelid where attrelid = $1 and attnum = $2")
                .bind(table)
                .bind(place)
                .fetch_one(&mut *connection)
                .await
                .unwrap();
            if row.get::<bool, _>(0) && !declared.nullable {
                misfits.push(format!("column {} can be NULL", declared.name));
            }
        }
    }
    misfits
}

#[tokio::test]
async fn every_scope_is_listed_and_reads_what_its_model_declares() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    populate(pool, 200).await;
    let cases = every(pool).await;
    let listed: BTreeSet<(String, String)> =
        cases.iter().map(|case| (case.model.to_owned(), case.scope.to_owned())).collect();
    assert_eq!(listed, declared(), "tests/scopes/every.rs (left) does not list the scopes of src/models (right)");
    let mut connection = pool.acquire().await.unwrap();
    for case in &cases {
        let misfits = misfits(&*case.asked, &mut connection).await;
        assert!(misfits.is_empty(), "{}::{}: {misfits:?}", case.model, case.scope);
        // And the values that are bound have the types that the server takes.
        case.asked.fetch_page(pool).await;
        assert!(case.asked.count(pool).await >= 0);
    }
    drop(connection);
    database.drop().await;
}

#[tokio::test]
async fn a_renamed_column_and_a_changed_type_are_noticed() {
    let database = TestDatabase::with_schema().await;
    let pool = database.pool();
    populate(pool, 200).await;
    let cases = every(pool).await;
    let case = cases.iter().find(|case| case.model == "Task" && case.scope == "created_since").unwrap();
    let changes = [
        ("alter table public.tasker_tasks rename column reason to why", "reason"),
        ("alter table public.tasker_tasks alter column initiator type integer using 0", "initiator"),
        ("alter table public.tasker_tasks alter column requested_at drop not null", "requested_at"),
    ];
    for (change, column) in changes {
        let mut transaction = pool.begin().await.unwrap();
        assert_eq!(misfits(&*case.asked, &mut transaction).await, Vec::<String>::new());
        sqlx::raw_sql(change).execute(&mut *transaction).await.unwrap();
        transaction.clear_cached_statements().await.unwrap();
        let misfits = misfits(&*case.asked, &mut transaction).await;
        assert!(misfits.len() == 1 && misfits[0].contains(column), "{change}: {misfits:?}");
        transaction.clear_cached_statements().await.unwrap();
        transaction.rollback().await.unwrap();
    }
    database.drop().await;
}
