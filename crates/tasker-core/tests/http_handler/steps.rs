//! Steps with settings and contexts, and what becomes of them.

use std::sync::Arc;

use serde_json::Value;
use tasker_core::clock::Clock;
use tasker_core::step_handler::http::{ApiConfig, ApiResponse, Backoff, HttpHandler, classify};
use tasker_core::step_handler::{Output, StepContext, StepContextBuilder, StepError, StepHandler};
use tasker_domain::json::Json;

use super::manual_clock::ManualClock;

pub(crate) fn to_json(value: &Value) -> Json {
    Json::parse(&value.to_string()).unwrap()
}

pub(crate) fn raw(text: &str) -> Arc<Output> {
    Arc::new(Output::raw(serde_json::value::RawValue::from_string(text.to_owned()).unwrap()))
}

pub(crate) fn step(config: &Value) -> StepContextBuilder {
    StepContext::builder("fetch_cart").handler_config(Some(to_json(config)))
}

pub(crate) async fn call(config: Value) -> Result<Output, StepError> {
    HttpHandler::new().process(step(&config).build()).await
}

/// The address that a step with these settings calls, in a task with this context.
pub(crate) fn address(config: Value, context: &str) -> Result<String, StepError> {
    let config = ApiConfig::read(&to_json(&config)).unwrap();
    let step = StepContext::builder("fetch_cart").context(raw(context)).build();
    Ok(config.request(&step)?.url.to_string())
}

pub(crate) fn problems(config: Value) -> Vec<String> {
    let found = ApiConfig::read(&to_json(&config)).err().unwrap();
    found.iter().map(ToString::to_string).collect()
}

pub(crate) fn judged(response: &ApiResponse) -> Result<(), StepError> {
    classify(response, Backoff::Table, ManualClock::new().wall_time())
}
