//! What is in the database before anything is measured.

use tasker_core::{Handlers, Request, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_postgres::cost;

use super::driver::CONTEXT;
use super::graph::GraphShape;
use super::place::Place;
use super::unavailable;
use crate::failure::Failure;

/// Steps of a task that waits, all of them ready.
const STEPS_A_TASK: u32 = 1_000;

/// Tasks that one statement writes into the history.
const TASKS_A_STATEMENT: u32 = 5_000;

/// Creates tasks with about this many ready steps in all, whose handler no worker of the bench has.
pub(super) async fn waiting(place: &Place, steps: u32) -> Result<(), Failure> {
    if steps == 0 {
        return Ok(());
    }
    let template = waiting_template(steps.min(STEPS_A_TASK))?;
    let context = Json::parse(CONTEXT).map_err(unavailable)?;
    let tasks = steps.div_ceil(STEPS_A_TASK);
    let tasker = Tasker::new(place.pool.clone(), Handlers::new()).map_err(unavailable)?;
    // A call of many such tasks would be one transaction of a million rows.
    for _ in 0..tasks {
        tasker.submit(&template, Request::new(context.clone())).await.map_err(unavailable)?;
    }
    Ok(())
}

fn waiting_template(steps: u32) -> Result<Template, Failure> {
    let mut text =
        "name: waiting\nnamespace_name: bench\nversion: 1.0.0\ntask_handler_class: Bench\nstep_templates:\n".to_owned();
    for step in 0..steps {
        text.push_str(&format!("  - {{ name: s{step}, handler_class: Nobody }}\n"));
    }
    Ok(parse(&Source::new("waiting.yaml", text), None).map_err(unavailable)?.template)
}

/// Writes about this many finished steps, as diamonds.
pub(super) async fn history(place: &Place, steps: u32) -> Result<(), Failure> {
    if steps == 0 {
        return Ok(());
    }
    let graphs = GraphShape::Diamond.graphs(None)?;
    let tasker = Tasker::new(place.pool.clone(), Handlers::new()).map_err(unavailable)?;
    for graph in &graphs {
        let definition = tasker.register(&graph.template).await.map_err(unavailable)?.definition_id;
        let mut left = steps.div_ceil(u32::try_from(graph.steps()).map_err(unavailable)?);
        while left > 0 {
            let now = left.min(TASKS_A_STATEMENT);
            let tasks = i32::try_from(now).map_err(unavailable)?;
            cost::write_history(&place.pool, definition, tasks).await.map_err(unavailable)?;
            left -= now;
        }
    }
    Ok(())
}
