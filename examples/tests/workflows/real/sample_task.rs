//! Handlers of the generator's default definition.

use serde::{Deserialize, Serialize};
use tasker_core::step_handler::{StepContext, StepError};
use tasker_examples::bound::{Handlers, bound};

use super::backend::Backend;

pub fn handlers(backend: &Backend) -> Handlers {
    vec![
        ("SampleTask::FetchDataStepHandler", bound(backend, fetch_data)),
        ("SampleTask::ProcessDataStepHandler", bound(backend, process_data)),
        ("SampleTask::CompleteTaskStepHandler", bound(backend, complete_task)),
    ]
}

#[derive(Deserialize)]
struct Context {
    input_id: i64,
}

#[derive(Serialize, Deserialize)]
struct Fetched {
    id: i64,
    items: Vec<i64>,
}

async fn fetch_data(backend: Backend, step: StepContext) -> Result<Fetched, StepError> {
    let Context { input_id } = step.context()?;
    backend.ask_plainly("fetch_data")?;
    Ok(Fetched { id: input_id, items: vec![input_id, input_id + 1] })
}

#[derive(Serialize, Deserialize)]
struct Processed {
    id: i64,
    sum: i64,
}

async fn process_data(backend: Backend, step: StepContext) -> Result<Processed, StepError> {
    let Fetched { id, items } = step.results_of("fetch_data").await?;
    backend.ask_plainly("process_data")?;
    Ok(Processed { id, sum: items.iter().sum() })
}

#[derive(Serialize)]
struct Completed {
    id: i64,
    sum: i64,
    completed: bool,
}

async fn complete_task(backend: Backend, step: StepContext) -> Result<Completed, StepError> {
    let Processed { id, sum } = step.results_of("process_data").await?;
    backend.ask_plainly("complete_task")?;
    Ok(Completed { id, sum, completed: true })
}
