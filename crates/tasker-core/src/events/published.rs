//! An event as subscribers get it.

use std::borrow::Cow;

use serde::Serialize;
use tasker_domain::event::{Event, Level};
use tasker_domain::json::Json;

/// Something that happened, with what there is to say about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    event: Cow<'static, str>,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    payload: Json,
}

impl Published {
    pub(super) fn new(
        event: impl Into<Cow<'static, str>>,
        sequence: u64,
        correlation_id: Option<String>,
        payload: Json,
    ) -> Self {
        Self { event: event.into(), sequence, correlation_id, payload }
    }

    /// The name, such as `task.completed`.
    pub fn name(&self) -> &str {
        &self.event
    }

    /// Its number among all that this engine publishes, from 1: the events of a task have ascending numbers.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The word under which the worker that tells it is found in logs.
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// The keys that the catalogue lays down for it: a JSON object.
    pub fn payload(&self) -> &Json {
        &self.payload
    }

    /// One key of the payload.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.payload.get(key)
    }

    /// The task it is about.
    pub fn task_id(&self) -> Option<i64> {
        self.get("task_id").and_then(Json::as_i64)
    }

    /// The step it is about.
    pub fn step_id(&self) -> Option<i64> {
        self.get("step_id").and_then(Json::as_i64)
    }

    /// How much it weighs in a log; an event of one's own is ordinary.
    pub fn level(&self) -> Level {
        Event::named(&self.event).map_or(Level::Info, |event| event.level)
    }
}
