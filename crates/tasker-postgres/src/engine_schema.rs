//! Our own schema, `tasker_engine`: numbered migrations that only go forward.

/// Version, name and SQL of each migration, in order. A migration that has been released is never changed; functions
/// carry a version in their name and are never replaced under the same signature, so that workers of two releases work
/// side by side.
pub const MIGRATIONS: &[(i32, &str, &str)] = &[(
    1,
    "ready queue, exchange, operations",
    concat!(
        include_str!("../sql/engine/000_schema.sql"),
        include_str!("../sql/engine/001_tables.sql"),
        include_str!("../sql/engine/verdict_1.sql"),
        include_str!("../sql/engine/register_definition_1.sql"),
        include_str!("../sql/engine/create_tasks_1.sql"),
        include_str!("../sql/engine/step_deadline_1.sql"),
        include_str!("../sql/engine/changed_1.sql"),
        include_str!("../sql/engine/instants_1.sql"),
        include_str!("../sql/engine/smallest_parents_1.sql"),
        include_str!("../sql/engine/exchange_1.sql"),
        include_str!("../sql/engine/succeed_1.sql"),
        include_str!("../sql/engine/look_around_1.sql"),
        include_str!("../sql/engine/002_jobs.sql"),
        include_str!("../sql/engine/jobs_1.sql"),
    ),
)];
