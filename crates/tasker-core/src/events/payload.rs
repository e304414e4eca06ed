//! Payloads, with the keys that the catalogue lays down.

use std::time::Duration;

use chrono::NaiveDateTime;
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;
use tasker_domain::json::Json;
use tasker_postgres::functions::TaskExecutionContext;
use tasker_postgres::ledger::ToldTask;

use super::facts::ToldStep;

/// What the original calls a task's class.
const TASK_TYPE: &str = "Tasker::Task";

/// How steps that are taken together are carried out.
pub(super) const MODE: &str = "concurrent";

/// A payload that is being put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Payload(IndexMap<String, Json>);

impl Payload {
    pub(super) fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn whole(self, key: &str, number: impl Into<Value>) -> Self {
        self.with(key, Json::from(number.into()))
    }

    pub(super) fn done(self) -> Json {
        Json::Object(self.0)
    }

    /// Every event of the work on a task.
    pub(super) fn of_work(kind: &str, task_id: i64, at: NaiveDateTime) -> Self {
        Self::default()
            .with("event_type", kind)
            .with("orchestration_event", true)
            .with("timestamp", instant(at))
            .whole("task_id", task_id)
    }

    /// Every event of a step. `begun` and `ended` are of the attempt.
    pub(super) fn of_step(
        kind: &str,
        step: &ToldStep,
        at: NaiveDateTime,
        begun: NaiveDateTime,
        ended: Option<NaiveDateTime>,
    ) -> Self {
        Self::default()
            .whole("task_id", step.task_id)
            .whole("step_id", step.step_id)
            .with("step_name", step.definition.template.steps[step.place].name.as_str())
            .with("started_at", instant(begun))
            .with("completed_at", ended.map(instant))
            .whole("attempt_number", step.attempt)
            .whole("retry_limit", step.attempts_allowed)
            .with("event_type", kind)
            .with("timestamp", instant(at))
    }

    /// The move of a task or step.
    pub(super) fn moved(self, from: &str, to: &str, at: NaiveDateTime) -> Self {
        self.with("from_state", from).with("to_state", to).with("transitioned_at", instant(at))
    }

    /// Every event of a task.
    pub(super) fn of_task(kind: &str, task: &ToldTask, at: NaiveDateTime) -> Self {
        let all_done = task.total_steps > 0 && task.completed_steps == task.total_steps;
        let completed_at = task.last_end.filter(|_| all_done);
        let total = completed_at.map(|end| seconds_between(task.created_at, end));
        let current = (!all_done).then(|| seconds_between(task.created_at, at));
        let pending = task.total_steps - task.completed_steps - task.failed_steps;
        Self::default()
            .whole("task_id", task.task_id)
            .with("task_name", task.name.as_str())
            .with("started_at", instant(task.created_at))
            .with("completed_at", completed_at.map(instant))
            .with("task_type", TASK_TYPE)
            .with("event_type", kind)
            .with("timestamp", instant(at))
            .with("total_execution_duration", total)
            .with("current_execution_duration", current)
            .whole("total_steps", task.total_steps)
            .whole("completed_steps", task.completed_steps)
            .whole("failed_steps", task.failed_steps)
            .whole("pending_steps", pending)
    }

    /// How far a task is, as its execution context says.
    pub(super) fn standing(self, context: &TaskExecutionContext) -> Self {
        let percentage = Json::number(context.completion_percentage.to_string());
        self.whole("processed_steps_count", context.completed_steps)
            .with("execution_status", context.execution_status.as_str())
            .with("health_status", context.health_status.as_str())
            .with("completion_percentage", percentage)
            .whole("total_steps", context.total_steps)
            .whole("ready_steps", context.ready_steps)
            .whole("failed_steps", context.failed_steps)
            .with("recommended_action", context.recommended_action.as_str())
    }
}

pub(super) fn instant(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A duration in seconds, to the microsecond.
pub(super) fn seconds(duration: Duration) -> Json {
    Json::number(format!("{}.{:06}", duration.as_secs(), duration.subsec_micros())).unwrap_or(Json::Null)
}

/// From one instant to another; nothing where a clock was set back.
pub(super) fn seconds_between(from: NaiveDateTime, to: NaiveDateTime) -> Json {
    seconds((to - from).to_std().unwrap_or_default())
}

/// A stored document.
pub(super) fn document(raw: &RawValue) -> Json {
    text(raw.get())
}

/// A document as text; one that cannot be read is told as its text.
pub(super) fn text(document: &str) -> Json {
    Json::parse(document).unwrap_or_else(|_| Json::from(document))
}
