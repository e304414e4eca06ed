//! The original's schema from the rows of its catalogue.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgPool};

const COLUMNS: &str = include_str!("../../../tasker-postgres/reference/schema.columns.csv");
const CONSTRAINTS: &str = include_str!("../../../tasker-postgres/reference/schema.constraints.csv");
const INDEXES: &str = include_str!("../../../tasker-postgres/reference/schema.indexes.csv");
const SEQUENCES: &str = include_str!("../../../tasker-postgres/reference/schema.sequences.csv");
const FUNCTIONS: &str = include_str!("../../../tasker-postgres/reference/schema.functions.csv");

macro_rules! body {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../tasker-postgres/sql/public/functions/", $name, ".sql")))
    };
}

/// The catalogue knows of the view only its columns, of functions only their signatures.
const VIEW: &str = include_str!("../../../tasker-postgres/sql/public/views/tasker_step_dag_relationships.sql");
const BODIES: [(&str, &str); 9] = [
    body!("calculate_dependency_levels"),
    body!("get_analytics_metrics_v01"),
    body!("get_slowest_steps_v01"),
    body!("get_slowest_tasks_v01"),
    body!("get_step_readiness_status"),
    body!("get_step_readiness_status_batch"),
    body!("get_system_health_counts_v01"),
    body!("get_task_execution_context"),
    body!("get_task_execution_contexts_batch"),
];

/// Which of the engine's two migrations ran last; they differ in the functions that tell which steps are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionMigration {
    /// The first: attempts that are not set come back as such, and a step whose type may not be tried again is not
    /// eligible for it.
    First,
    /// The second: attempts that are not set count as 0, and eligible is who has attempts left.
    Second,
}

/// Makes the original's tables, indexes, constraints, sequences, view and functions in an empty database, and the two
/// tables in which Rails keeps what has run. Like the original's, the functions name their tables without a schema.
///
/// # Panics
/// When the server refuses, or the catalogue is not as expected.
pub async fn make_schema(pool: &PgPool, migration: FunctionMigration) {
    let script = statements(migration).join(";\n");
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(script)).execute(pool).await {
        panic!("the schema that the catalogue describes cannot be made: {error}");
    }
}

fn statements(migration: FunctionMigration) -> Vec<String> {
    let mut statements = sequences();
    statements.extend(tables());
    statements.extend(owners());
    let constraints = rows(CONSTRAINTS);
    // Keys first: foreign keys lead to them.
    statements.extend(
        constraints.iter().filter(|row| row[2] == "pk").map(|row| {
            format!("ALTER TABLE public.{} ADD CONSTRAINT {} PRIMARY KEY ({})", row[0], row[1], list(&row[3]))
        }),
    );
    statements.extend(constraints.iter().filter(|row| row[2] == "fk").map(|row| {
        format!(
            "ALTER TABLE public.{} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES public.{} ({})",
            row[0],
            row[1],
            list(&row[3]),
            row[4],
            list(&row[5])
        )
    }));
    assert!(constraints.iter().all(|row| ["pk", "fk"].contains(&row[2].as_str())), "another kind of constraint");
    statements.extend(indexes());
    statements.push(VIEW.trim_end().trim_end_matches(';').to_owned());
    statements.extend(functions(migration));
    let versions = match migration {
        FunctionMigration::First => "('20250720000001')",
        FunctionMigration::Second => "('20250720000001'), ('20250720000002')",
    };
    statements.push(format!(
        "CREATE TABLE public.schema_migrations (version character varying PRIMARY KEY);
         CREATE TABLE public.ar_internal_metadata (key character varying PRIMARY KEY, value character varying,
            created_at timestamp(6) without time zone NOT NULL, updated_at timestamp(6) without time zone NOT NULL);
         INSERT INTO public.schema_migrations VALUES {versions};
         INSERT INTO public.ar_internal_metadata VALUES ('environment', 'production', now(), now())"
    ));
    statements
}

fn sequences() -> Vec<String> {
    let make = |row: &Vec<String>| {
        format!(
            "CREATE SEQUENCE public.{} AS {} START {} INCREMENT {} MINVALUE {} MAXVALUE {} CACHE {}",
            row[0], row[1], row[2], row[3], row[4], row[5], row[6]
        )
    };
    rows(SEQUENCES).iter().map(make).collect()
}

fn owners() -> Vec<String> {
    let own = |row: &Vec<String>| format!("ALTER SEQUENCE public.{} OWNED BY public.{}.{}", row[0], row[8], row[9]);
    rows(SEQUENCES).iter().map(own).collect()
}

fn tables() -> Vec<String> {
    let mut columns: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    for row in rows(COLUMNS) {
        let Ok(ordinal) = row[2].parse() else { panic!("schema.columns.csv: no ordinal in {row:?}") };
        let nullable = if row[4] == "no" { " NOT NULL" } else { "" };
        let default = if row[5].is_empty() { String::new() } else { format!(" DEFAULT {}", row[5]) };
        columns.entry(row[0].clone()).or_default().push((ordinal, format!("{} {}{default}{nullable}", row[1], row[3])));
    }
    columns
        .into_iter()
        .map(|(table, mut columns)| {
            columns.sort();
            let columns: Vec<String> = columns.into_iter().map(|(_, column)| column).collect();
            format!("CREATE TABLE public.{table} ({})", columns.join(", "))
        })
        .collect()
}

fn indexes() -> Vec<String> {
    let make = |row: &Vec<String>| {
        let unique = if row[2] == "yes" { "UNIQUE " } else { "" };
        // An operator class stands in brackets.
        let columns = list(&row[4]).replace(['[', ']'], "");
        let include = if row[7].is_empty() { String::new() } else { format!(" INCLUDE ({})", list(&row[7])) };
        let predicate = if row[6].is_empty() { String::new() } else { format!(" WHERE {}", row[6]) };
        format!("CREATE {unique}INDEX {} ON public.{} USING {} ({columns}){include}{predicate}", row[1], row[0], row[5])
    };
    rows(INDEXES).iter().filter(|row| row[3] == "no").map(make).collect()
}

fn functions(migration: FunctionMigration) -> Vec<String> {
    let mut signatures: BTreeMap<String, (Vec<String>, Vec<String>, String)> = BTreeMap::new();
    for row in rows(FUNCTIONS) {
        let (arguments, results, volatility) = signatures.entry(row[0].clone()).or_default();
        volatility.clone_from(&row[5]);
        if row[1] == "result" {
            results.push(format!("{} {}", row[2], row[3]));
        } else {
            let default = if row[4].is_empty() { String::new() } else { format!(" DEFAULT {}", row[4]) };
            arguments.push(format!("{} {}{default}", row[2], row[3]));
        }
    }
    assert_eq!(signatures.len(), BODIES.len());
    let make = |(name, (arguments, results, volatility)): (String, (Vec<String>, Vec<String>, String))| {
        format!(
            "CREATE FUNCTION {name}({}) RETURNS TABLE ({}) LANGUAGE plpgsql {volatility} AS $body${}$body$",
            arguments.join(", "),
            results.join(", "),
            body(&name, migration)
        )
    };
    // Bodies are looked at when they are called, so their order does not matter.
    signatures.into_iter().map(make).collect()
}

/// A body that does what the original's does, with tables and functions found through the session's search path.
fn body(name: &str, migration: FunctionMigration) -> String {
    let Some((_, text)) = BODIES.iter().find(|(known, _)| *known == name) else { panic!("no body for {name}") };
    let Some(body) = text.split("$function$").nth(1) else { panic!("{name} has no body") };
    let body = body.replace("public.", "");
    if name != "get_step_readiness_status" || migration == FunctionMigration::Second {
        return body;
    }
    let changes = [
        ("COALESCE(ws.attempts, 0) AS attempts,", "ws.attempts, ws.retryable,"),
        (
            "step.finished_parents = step.total_parents,\n        step.attempts < step.retry_limit,",
            "step.finished_parents = step.total_parents,
        CASE WHEN step.attempts >= step.retry_limit OR step.attempts > 0 AND NOT step.retryable THEN false
             WHEN step.failed_at IS NULL THEN true
             ELSE COALESCE(step.requested_end, step.exponential_end) <= now() AT TIME ZONE 'UTC' END,",
        ),
    ];
    changes.into_iter().fold(body, |body, (ours, first)| {
        assert_eq!(body.matches(ours).count(), 1, "what the first migration had instead has lost its place: {ours}");
        body.replace(ours, first)
    })
}

/// What is separated by semicolons, as SQL lists it.
fn list(field: &str) -> String {
    field.replace(';', ", ")
}

/// The rows of a file without its head.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(fields).collect()
}

/// A field in quotes may hold commas, and quotes twice.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut before = ' ';
    for character in line.chars() {
        let Some(field) = fields.last_mut() else { unreachable!("there is always a last field") };
        match character {
            '"' => {
                quoted = !quoted;
                if quoted && before == '"' {
                    field.push('"');
                }
            }
            ',' if !quoted => fields.push(String::new()),
            _ => field.push(character),
        }
        before = character;
    }
    assert!(!quoted, "a quote is open in {line:?}");
    fields
}
