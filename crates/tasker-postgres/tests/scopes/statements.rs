//! Every statement in an `.sql` file, described by the server and compared with the Rust types that use it. The list is
//! `statements.tsv`; structs of rows are read from the source, so that there is nothing to keep equal by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::postgres::{PgColumn, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, Column, Connection, Either, Executor, PgConnection, Postgres, Row, SqlSafeStr, Statement, Type,
};
use tasker_testing::database::TestDatabase;

use crate::listed::sources;

const LIST: &str = include_str!("statements.tsv");

/// Folders whose files make the schema: other tests run them.
const MAKING: [&str; 2] = ["engine", "public"];

struct Listed {
    file: &'static str,
    sources: Vec<&'static str>,
    takes: &'static str,
    gives: &'static str,
}

fn listed() -> Vec<Listed> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#')).skip(1);
    let fields = |line: &'static str| {
        let [file, sources, takes, gives] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four fields are expected in {line:?}");
        };
        Listed { file, sources: sources.split(' ').collect(), takes, gives }
    };
    lines.map(fields).collect()
}

fn crate_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(folder: &str, file: &str) -> String {
    std::fs::read_to_string(crate_folder(folder).join(file)).unwrap_or_else(|error| panic!("{folder}/{file}: {error}"))
}

/// A type of Rust as the database sees it.
struct Seen {
    info: PgTypeInfo,
    reads: fn(&PgTypeInfo) -> bool,
    nullable: bool,
}

fn seen<T: Type<Postgres>>() -> Seen {
    Seen { info: T::type_info(), reads: T::compatible, nullable: false }
}

fn seen_as(rust: &str) -> Seen {
    if let Some(inner) = rust.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        return Seen { nullable: true, ..seen_as(inner) };
    }
    if let Some(inner) = rust.strip_suffix('!') {
        return Seen { nullable: true, ..seen_as(inner) };
    }
    match rust {
        "i32" => seen::<i32>(),
        "i64" => seen::<i64>(),
        "f64" => seen::<f64>(),
        "bool" => seen::<bool>(),
        "String" => seen::<String>(),
        "NaiveDateTime" => seen::<NaiveDateTime>(),
        "DateTime<Utc>" => seen::<DateTime<Utc>>(),
        "Value" => seen::<serde_json::Value>(),
        "Vec<i32>" | "Vec<Option<i32>>" => seen::<Vec<i32>>(),
        "Vec<i64>" | "Vec<Option<i64>>" => seen::<Vec<i64>>(),
        "Vec<Option<DateTime<Utc>>>" => seen::<Vec<DateTime<Utc>>>(),
        "Vec<f64>" | "Vec<Option<f64>>" => seen::<Vec<f64>>(),
        "Vec<bool>" => seen::<Vec<bool>>(),
        "Vec<String>" | "Vec<Option<String>>" => seen::<Vec<String>>(),
        // They are read from texts.
        "Decimal" | "ExecutionStatus" | "RecommendedAction" | "HealthStatus" => seen::<String>(),
        other => panic!("statements.tsv: nothing is known of the type {other}"),
    }
}

/// A column that Rust reads: its name, unless it is read by place, and its type, unless it is left unread.
type Wanted = (Option<String>, Option<Seen>);

/// Splits at commas outside brackets.
fn parts(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (place, letter) in list.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(list[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts
}

fn wanted(statement: &Listed) -> Vec<Wanted> {
    if statement.gives == "-" {
        return Vec::new();
    }
    if let Some(inner) = statement.gives.strip_prefix('(') {
        return parts(inner.strip_suffix(')').unwrap()).into_iter().map(|rust| (None, Some(seen_as(rust)))).collect();
    }
    let mut wanted = Vec::new();
    for part in parts(statement.gives) {
        let Some((name, rust)) = part.split_once(": ") else {
            wanted.extend(fields(statement, part));
            continue;
        };
        if rust == "unread" {
            wanted.push((Some(name.to_owned()), None));
            continue;
        }
        let read_there = statement.sources.iter().any(|source| read("src", source).contains(&format!("\"{name}\"")));
        assert!(read_there, "{}: {:?} do not read the column {name}", statement.file, statement.sources);
        wanted.push((Some(name.to_owned()), Some(seen_as(rust))));
    }
    wanted
}

/// The fields of a struct in the source. Those of an instant read both kinds of time stamps.
fn fields(statement: &Listed, name: &str) -> Vec<Wanted> {
    let text = read("src", statement.sources[0]);
    let (_, rest) = text
        .split_once(&format!("struct {name} {{"))
        .unwrap_or_else(|| panic!("{}: there is no struct {name}", statement.sources[0]));
    let (body, _) = rest.split_once("\n}").unwrap();
    let (mut found, mut json) = (Vec::new(), false);
    for line in body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
        if line.starts_with('#') {
            json |= line == "#[sqlx(json)]";
            continue;
        }
        let (field, rust) = line.trim_end_matches(',').split_once(": ").unwrap();
        let mut seen = if json { seen_as("Value") } else { seen_as(rust) };
        if rust.contains("NaiveDateTime") && statement.file.starts_with("functions/") {
            seen.reads = |found| {
                <NaiveDateTime as Type<Postgres>>::compatible(found)
                    || <DateTime<Utc> as Type<Postgres>>::compatible(found)
            };
        }
        let field = field.rsplit(' ').next().unwrap_or(field);
        found.push((Some(field.to_owned()), Some(seen)));
        json = false;
    }
    found
}

/// What does not fit between a statement and its Rust.
async fn misfits(statement: &Listed, connection: &mut PgConnection) -> Vec<String> {
    let sql = read("sql", statement.file);
    if statement.takes == "script" {
        // No database can be made and nothing be vacuumed inside a transaction, where this runs.
        if ["create database", "vacuum"].iter().any(|word| sql.to_lowercase().starts_with(word)) {
            return Vec::new();
        }
        let run = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
        return run.err().map(|error| error.to_string()).into_iter().collect();
    }
    let takes: Vec<PgTypeInfo> = match statement.takes {
        "-" => Vec::new(),
        types => parts(types).into_iter().map(|rust| seen_as(rust).info).collect(),
    };
    let prepared = match connection.prepare_with(AssertSqlSafe(sql).into_sql_str(), &takes).await {
        Ok(prepared) => prepared,
        Err(error) => return vec![error.to_string()],
    };
    let mut misfits = Vec::new();
    let Some(Either::Left(parameters)) = prepared.parameters() else { panic!("the driver tells no types") };
    if parameters != takes {
        misfits.push(format!("takes {parameters:?}, and {takes:?} are bound"));
    }
    let wanted = wanted(statement);
    if wanted.len() != prepared.columns().len() {
        let columns: Vec<_> = prepared.columns().iter().map(Column::name).collect();
        misfits.push(format!("gives {columns:?}, and {} columns are read", wanted.len()));
        return misfits;
    }
    for (place, (name, seen)) in wanted.iter().enumerate() {
        let by_name = name.as_deref().map(|name| prepared.columns().iter().find(|column| column.name() == name));
        let Some(column) = by_name.unwrap_or_else(|| prepared.columns().get(place)) else {
            misfits.push(format!("gives no column {name:?}"));
            continue;
        };
        let Some(seen) = seen else { continue };
        if !(seen.reads)(column.type_info()) {
            misfits.push(format!("gives {} as {}, read as {}", column.name(), column.type_info(), seen.info));
        }
        if !seen.nullable && can_be_null(column, connection).await {
            misfits.push(format!("gives {}, which can be NULL", column.name()));
        }
    }
    misfits
}

/// Whether the column comes straight from one of a table that may be empty. Of other columns nothing can be told.
async fn can_be_null(column: &PgColumn, connection: &mut PgConnection) -> bool {
    let (Some(table), Some(place)) = (column.relation_id(), column.relation_attribute_no()) else { return false };
    let row = sqlx::query(
        "select not attnotnull and relkind = 'r' from pg_attribute join pg_class c on c.oid = attrelid \
         where attrelid = $1 and attnum = $2",
    )
    .bind(table)
    .bind(place)
    .fetch_one(connection)
    .await
    .unwrap();
    row.get(0)
}

/// Those that write where an application's bookkeeping is need its tables.
async fn make_bookkeeping(connection: &mut PgConnection) {
    for file in ["maintenance/rails_schema_migrations.sql", "maintenance/rails_internal_metadata.sql"] {
        sqlx::raw_sql(AssertSqlSafe(read("sql", file))).execute(&mut *connection).await.unwrap();
    }
}

#[test]
fn every_file_is_listed_with_the_sources_that_hold_it() {
    let folder = crate_folder("sql");
    let names = |path: PathBuf| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
    let files: BTreeSet<String> = sources(&folder)
        .into_iter()
        .map(names)
        .filter(|name| name.ends_with(".sql") && !MAKING.contains(&name.split('/').next().unwrap()))
        .collect();
    let list: BTreeSet<String> = listed().iter().map(|statement| statement.file.to_owned()).collect();
    assert_eq!(list, files, "tests/scopes/statements.tsv (left) does not list the files of the folder sql (right)");
    for statement in listed() {
        // Rows of the factories are declared by a macro that puts the path together.
        let mut held = vec![format!("sql/{}\"", statement.file)];
        if let Some(name) = statement.file.strip_prefix("factories/") {
            held.push(format!("\"{}\", {{", name.trim_end_matches(".sql")));
        }
        let holds = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).unwrap();
            held.iter().any(|held| text.contains(held))
        };
        let holders: BTreeSet<String> = sources(&crate_folder("src"))
            .into_iter()
            .filter(holds)
            .map(|path| path.strip_prefix(crate_folder("src")).unwrap().to_str().unwrap().to_owned())
            .collect();
        let sources: BTreeSet<String> = statement.sources.iter().map(|source| (*source).to_owned()).collect();
        assert_eq!(sources, holders, "{}: listed (left) and found in src (right)", statement.file);
    }
}

#[tokio::test]
async fn every_statement_fits_the_types_that_use_it() {
    let database = TestDatabase::with_schema().await;
    tasker_postgres::floor::create(database.pool()).await.unwrap();
    let mut faults = Vec::new();
    for statement in listed() {
        let mut transaction = database.pool().begin().await.unwrap();
        if !statement.file.contains("rails_schema") && !statement.file.contains("rails_internal") {
            make_bookkeeping(&mut transaction).await;
        }
        let misfits = misfits(&statement, &mut transaction).await;
        faults.extend(misfits.into_iter().map(|misfit| format!("{}: {misfit}", statement.file)));
        transaction.rollback().await.unwrap();
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    database.drop().await;
}

#[tokio::test]
async fn a_renamed_column_a_changed_type_and_a_lost_not_null_are_noticed() {
    let changes = [
        ("alter table public.tasker_workflow_steps rename column attempts to tries", "ledger/task_steps.sql"),
        (
            "alter table public.tasker_workflow_steps alter column retryable type integer using 1",
            "ledger/task_steps.sql",
        ),
        ("alter table public.tasker_named_steps alter column name drop not null", "ledger/task_steps.sql"),
        ("alter table tasker_engine.definition alter column snapshot type jsonb using '{}'", "ledger/definition.sql"),
        ("alter table tasker_engine.queue alter column token type bigint", "ledger/held_steps.sql"),
        ("alter table tasker_engine.worker alter column worker_id type bigint", "ledger/start_worker.sql"),
    ];
    let database = TestDatabase::with_schema().await;
    for (change, file) in changes {
        let mut transaction = database.pool().begin().await.unwrap();
        // A column that the view or a default stands on cannot be changed otherwise.
        sqlx::raw_sql("drop view public.tasker_step_dag_relationships").execute(&mut *transaction).await.unwrap();
        sqlx::raw_sql("alter table public.tasker_workflow_steps alter column retryable drop default")
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::raw_sql(change).execute(&mut *transaction).await.unwrap();
        transaction.clear_cached_statements().await.unwrap();
        let statement = listed().into_iter().find(|statement| statement.file == file).unwrap();
        assert!(!misfits(&statement, &mut transaction).await.is_empty(), "{change} goes unnoticed in {file}");
        transaction.rollback().await.unwrap();
    }
    database.drop().await;
}
