//! The SQL that makes the objects in schema `public`, in the order in which they depend on each other.

use super::shape::{Shape, indexes};
use crate::engine_schema::MIGRATIONS;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Tables with their sequences and constraints.
const TABLES: [&str; 4] = [
    include_str!("../../sql/public/tables/definitions.sql"),
    include_str!("../../sql/public/tables/tasks.sql"),
    include_str!("../../sql/public/tables/steps.sql"),
    include_str!("../../sql/public/tables/object_maps.sql"),
];

/// Functions by name.
const FUNCTIONS: [(&str, &str); 9] = [
    ("get_step_readiness_status", include_str!("../../sql/public/functions/get_step_readiness_status.sql")),
    ("get_step_readiness_status_batch", include_str!("../../sql/public/functions/get_step_readiness_status_batch.sql")),
    (
        "get_task_execution_contexts_batch",
        include_str!("../../sql/public/functions/get_task_execution_contexts_batch.sql"),
    ),
    ("get_task_execution_context", include_str!("../../sql/public/functions/get_task_execution_context.sql")),
    ("calculate_dependency_levels", include_str!("../../sql/public/functions/calculate_dependency_levels.sql")),
    ("get_system_health_counts_v01", include_str!("../../sql/public/functions/get_system_health_counts_v01.sql")),
    ("get_analytics_metrics_v01", include_str!("../../sql/public/functions/get_analytics_metrics_v01.sql")),
    ("get_slowest_steps_v01", include_str!("../../sql/public/functions/get_slowest_steps_v01.sql")),
    ("get_slowest_tasks_v01", include_str!("../../sql/public/functions/get_slowest_tasks_v01.sql")),
];

const VIEW: &str = include_str!("../../sql/public/views/tasker_step_dag_relationships.sql");

/// What encloses the body of a function in our files.
const BODY_MARK: &str = "$function$";

/// The whole of the objects in `public`, as one script.
pub(super) fn creation_script(shape: Shape) -> String {
    let mut script = TABLES.concat();
    for index in indexes().iter().filter(|index| shape.has(index.class)) {
        script.extend(index.create_statement());
    }
    for (_, function) in FUNCTIONS {
        script.push_str(function);
    }
    script.push_str(VIEW);
    script
}

/// Names of the nine functions.
pub(crate) fn function_names() -> Vec<&'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name).collect()
}

/// The body of our function of this name, exactly as the server stores it.
pub(super) fn function_body(name: &str) -> Option<&'static str> {
    let (_, text) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
    text.split(BODY_MARK).nth(1)
}

/// A short text that changes with any change of the SQL that makes the schema: databases with the same one are alike.
#[must_use]
pub fn fingerprint(shape: Shape) -> String {
    let mut hasher = Sha256::new();
    hasher.update(creation_script(shape));
    for (version, name, sql) in MIGRATIONS {
        hasher.update(format!("\n{version} {name}\n{sql}"));
    }
    hasher.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
