//! The tables of ours, in schema `tasker_engine`, beside those of the original.

/// Every migration of schema `tasker_engine`: version, name, SQL. Versions ascend by one from 1; a migration that was
/// released is never changed, a later one corrects it.
pub const MIGRATIONS: &[(i32, &str, &str)] = &[(1, "foundation", FOUNDATION)];

/// The schema itself and the record of what was applied to it.
const FOUNDATION: &str = "\
CREATE SCHEMA tasker_engine;

CREATE TABLE tasker_engine.migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now()
);
";
