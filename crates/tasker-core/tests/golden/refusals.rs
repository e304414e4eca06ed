//! Requests that the recorded engine refused.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tasker_core::{Handlers, Request, RunError, Tasker};
use tasker_domain::json::Json;
use tasker_testing::{ManualClock, TestDatabase};

use crate::case::{Case, Phase};
use crate::handler::{HANDLER, Script};
use crate::templates;

/// With `strict: true` the same context is refused, for the same properties, and nothing is written.
pub(crate) async fn check(database: &TestDatabase, case: &Case) -> Result<(), String> {
    let template = templates::of(case)?;
    let tasker = Tasker::new(database.pool().clone(), Handlers::new().with(HANDLER, Script::of(case)?))
        .map_err(|error| error.to_string())?
        .with_clock(Arc::new(ManualClock::default()))
        .allowing_redefinition();
    let tasks = async || -> Result<i64, String> {
        sqlx::query_scalar("select count(*) from tasker_tasks")
            .fetch_one(database.pool())
            .await
            .map_err(|error| error.to_string())
    };
    for phase in &case.phases {
        if phase.accepted != Some(false) {
            return Err(format!("`{}` has no rows and is no refusal", phase.phase));
        }
        let (context, named) = refused_context(case, phase)?;
        let before = tasks().await?;
        let context = Json::parse(&context.to_string()).map_err(|error| error.to_string())?;
        match tasker.submit(&template, Request::new(context)).await {
            Err(RunError::Context(problems)) => {
                let told: Vec<String> =
                    problems.list.iter().map(|found| format!("{} {}", found.pointer, found.message)).collect();
                let is_told = |name: &&String| told.iter().any(|line| line.contains(name.as_str()));
                if let Some(missed) = named.iter().find(|name| !is_told(name)) {
                    return Err(format!("the refusal does not speak of `{missed}`: {told:?}"));
                }
            }
            Err(other) => return Err(format!("refused for another reason: {other}")),
            Ok(created) => return Err(format!("accepted as task {}", created.task_id)),
        }
        let written = tasks().await? - before;
        if written != phase.tasks_written.unwrap_or(0) {
            return Err(format!("{written} tasks were written"));
        }
    }
    Ok(())
}

/// A context with the faults that the messages name, and the properties that they are about.
fn refused_context(case: &Case, phase: &Phase) -> Result<(Value, Vec<String>), String> {
    let mut context = Map::from_iter([("run".to_owned(), json!("RUN")), ("script".to_owned(), json!(case.script))]);
    let mut named = Vec::new();
    for message in &phase.errors {
        let quoted: Vec<String> = message.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
        // The first quoted text is the place, such as `#/`.
        let properties = quoted.get(1..).unwrap_or_default();
        if message.contains("undefined properties") {
            properties.iter().for_each(|name| drop(context.insert(name.clone(), json!("unlisted"))));
            named.extend_from_slice(properties);
        } else if message.contains("did not contain a required property") {
            properties.iter().for_each(|name| drop(context.remove(name)));
            named.extend_from_slice(properties);
        } else if let Some((_, after)) = message.split_once(" of type ") {
            let name = quoted.first().map(|place| place.trim_start_matches("#/").to_owned()).unwrap_or_default();
            context.insert(name.clone(), of_type(after.split(' ').next().unwrap_or_default())?);
            named.push(name);
        } else if message.contains("can't be blank") {
            context.clear();
        } else {
            return Err(format!("which context was refused cannot be told from: {message}"));
        }
    }
    let context = case.context.clone().unwrap_or(Value::Object(context));
    // What is missing from nothing is not told one by one.
    let named = if context == json!({}) { vec!["empty".to_owned()] } else { named };
    Ok((context, named))
}

/// A value of a type that a message names.
fn of_type(name: &str) -> Result<Value, String> {
    Ok(match name.to_lowercase().as_str() {
        "integer" | "number" => json!(42),
        "string" => json!("text"),
        "boolean" => json!(true),
        "array" => json!([]),
        "object" => json!({}),
        "null" => Value::Null,
        other => return Err(format!("nothing is known of the type {other}")),
    })
}
