//! What a program reads on its stdin: the step as one JSON document.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;
use tasker_domain::json::Json;

use crate::step_handler::{Output, StepContext, StepError};

#[derive(Serialize)]
struct Document<'a> {
    task: Task<'a>,
    step: Step<'a>,
    results: IndexMap<&'a str, &'a RawValue>,
}

#[derive(Serialize)]
struct Task<'a> {
    id: i64,
    namespace: &'a str,
    name: &'a str,
    version: &'a str,
    context: &'a RawValue,
}

#[derive(Serialize)]
struct Step<'a> {
    id: i64,
    name: &'a str,
    attempt: u32,
    retry_limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a Json>,
}

/// The document with the results of the parents named and of those that came with the claim. JSON text is copied as it
/// stands, so that no number loses a digit. A parent without results has `null`.
pub(super) async fn write(step: &StepContext, parents: &[String], config: Option<&Json>) -> Result<Vec<u8>, StepError> {
    let mut names: Vec<&str> = parents.iter().map(String::as_str).collect();
    let mut others: Vec<&str> =
        step.parent_results().keys().map(String::as_str).filter(|name| !names.contains(name)).collect();
    others.sort_unstable();
    names.extend(others);

    let mut found = Vec::with_capacity(names.len());
    for name in names {
        found.push((name, step.results(name).await?));
    }
    let mut results = IndexMap::with_capacity(found.len());
    for (name, output) in &found {
        results.insert(*name, output.as_ref().map_or(Ok(RawValue::NULL), |output| as_raw(output))?);
    }
    let document = Document {
        task: Task {
            id: step.task_id(),
            namespace: step.namespace(),
            name: step.task_name(),
            version: step.version(),
            context: as_raw(step.raw_context())?,
        },
        step: Step {
            id: step.step_id(),
            name: step.step_name(),
            attempt: step.attempt(),
            retry_limit: step.retry_limit(),
            config,
        },
        results,
    };
    Ok(serde_json::to_vec(&document)?)
}

fn as_raw(output: &Output) -> Result<&RawValue, StepError> {
    Ok(serde_json::from_str(output.get())?)
}
