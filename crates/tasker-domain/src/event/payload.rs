//! Keys that many payloads have in common, and those of single events.

use super::{Key, Kind};

/// Every event of a step.
pub(super) const STEP_BASE: &[Key] = &[
    Key { name: "task_id", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "step_id", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "step_name", kind: Kind::Text, nullable: false, required: true },
    Key { name: "started_at", kind: Kind::Instant, nullable: true, required: true },
    Key { name: "completed_at", kind: Kind::Instant, nullable: true, required: true },
    Key { name: "attempt_number", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "retry_limit", kind: Kind::Integer, nullable: true, required: true },
    Key { name: "event_type", kind: Kind::Text, nullable: false, required: true },
    Key { name: "timestamp", kind: Kind::Instant, nullable: false, required: true },
];
/// A step that begins.
pub(super) const STEP_STARTED_EXTRA: &[Key] = &[
    Key { name: "step_inputs", kind: Kind::Object, nullable: true, required: true },
    Key { name: "step_dependencies", kind: Kind::List, nullable: false, required: true },
];
/// A step that has succeeded.
pub(super) const STEP_COMPLETED_EXTRA: &[Key] = &[
    Key { name: "execution_duration", kind: Kind::Seconds, nullable: false, required: true },
    Key { name: "step_results", kind: Kind::Any, nullable: false, required: false },
];
/// A step that has failed.
pub(super) const STEP_FAILED_EXTRA: &[Key] = &[
    Key { name: "error_message", kind: Kind::Text, nullable: false, required: true },
    Key { name: "exception_class", kind: Kind::Text, nullable: false, required: true },
    Key { name: "backtrace", kind: Kind::List, nullable: false, required: false },
    Key { name: "step_results", kind: Kind::Any, nullable: false, required: false },
];
/// A step that is to be tried again.
pub(super) const STEP_RETRY_EXTRA: &[Key] = &[
    Key { name: "previous_attempts", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "retry_reason", kind: Kind::Text, nullable: false, required: true },
    Key { name: "backoff_strategy", kind: Kind::Text, nullable: false, required: true },
];
/// The move of a step.
pub(super) const STEP_TRANSITION_CONTEXT: &[Key] = &[
    Key { name: "from_state", kind: Kind::Text, nullable: true, required: true },
    Key { name: "to_state", kind: Kind::Text, nullable: false, required: true },
    Key { name: "transitioned_at", kind: Kind::Instant, nullable: false, required: true },
];
/// Every event of a task.
pub(super) const TASK_BASE: &[Key] = &[
    Key { name: "task_id", kind: Kind::Integer, nullable: true, required: true },
    Key { name: "task_name", kind: Kind::Text, nullable: false, required: true },
    Key { name: "started_at", kind: Kind::Instant, nullable: true, required: true },
    Key { name: "completed_at", kind: Kind::Instant, nullable: true, required: true },
    Key { name: "task_type", kind: Kind::Text, nullable: false, required: true },
    Key { name: "event_type", kind: Kind::Text, nullable: false, required: true },
    Key { name: "timestamp", kind: Kind::Instant, nullable: false, required: true },
    Key { name: "total_execution_duration", kind: Kind::Seconds, nullable: true, required: true },
    Key { name: "current_execution_duration", kind: Kind::Seconds, nullable: true, required: true },
    Key { name: "total_steps", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "completed_steps", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "failed_steps", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "pending_steps", kind: Kind::Integer, nullable: false, required: true },
];
/// A task that begins.
pub(super) const TASK_STARTED_EXTRA: &[Key] = &[
    Key { name: "task_context", kind: Kind::Object, nullable: false, required: true },
    Key { name: "total_steps", kind: Kind::Integer, nullable: false, required: true },
];
/// A task that has failed.
pub(super) const TASK_FAILED_EXTRA: &[Key] = &[
    Key { name: "error_message", kind: Kind::Text, nullable: false, required: true },
    Key { name: "error_steps", kind: Kind::List, nullable: false, required: false },
    Key { name: "error_step_results", kind: Kind::Any, nullable: false, required: false },
];
/// The move of a task.
pub(super) const TASK_TRANSITION: &[Key] = &[
    Key { name: "task_id", kind: Kind::Integer, nullable: false, required: true },
    Key { name: "task_name", kind: Kind::Text, nullable: false, required: true },
    Key { name: "task_context", kind: Kind::Object, nullable: false, required: true },
    Key { name: "from_state", kind: Kind::Text, nullable: true, required: true },
    Key { name: "to_state", kind: Kind::Text, nullable: false, required: true },
    Key { name: "transitioned_at", kind: Kind::Instant, nullable: false, required: true },
    Key { name: "timestamp", kind: Kind::Instant, nullable: false, required: true },
];
/// Every event of the work on a task.
pub(super) const ORCHESTRATION_BASE: &[Key] = &[
    Key { name: "event_type", kind: Kind::Text, nullable: false, required: true },
    Key { name: "orchestration_event", kind: Kind::Boolean, nullable: false, required: true },
    Key { name: "timestamp", kind: Kind::Instant, nullable: false, required: true },
];
/// Every event of a registry.
pub(super) const REGISTRY_BASE: &[Key] = &[
    Key { name: "registry_name", kind: Kind::Text, nullable: true, required: true },
    Key { name: "entity_type", kind: Kind::Text, nullable: false, required: true },
    Key { name: "entity_class", kind: Kind::Text, nullable: false, required: true },
    Key { name: "correlation_id", kind: Kind::Text, nullable: false, required: true },
];
