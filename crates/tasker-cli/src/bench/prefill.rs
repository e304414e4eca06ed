//! What is in the database before anything is measured.

use tasker_core::{Handlers, Request, Tasker};
use tasker_domain::json::Json;
use tasker_domain::template::{Source, Template, parse};
use tasker_postgres::cost;

use super::driver::context;
use super::graph::GraphShape;
use super::place::Place;
use super::unavailable;
use crate::failure::Failure;
use crate::printing::to_stderr;

/// Steps of a task that waits, all of them ready.
const STEPS_A_TASK: u32 = 1_000;

/// Bytes of such a task's context.
const CONTEXT_BYTES: usize = 40;

/// So many steps are told of as they are written.
const TOLD: u32 = 500_000;

/// Tasks that one statement writes into the history.
const TASKS_A_STATEMENT: u32 = 5_000;

/// Creates tasks with about this many ready steps in all, whose handler no worker of the bench has.
pub(super) async fn waiting(place: &Place, steps: u32) -> Result<(), Failure> {
    if steps == 0 {
        return Ok(());
    }
    let template = waiting_template(steps.min(STEPS_A_TASK))?;
    let context = Json::parse(&context(CONTEXT_BYTES)).map_err(unavailable)?;
    let tasks = steps.div_ceil(STEPS_A_TASK);
    let tasker = Tasker::new(place.pool.clone(), Handlers::new()).map_err(unavailable)?;
    // A call of many such tasks would be one transaction of a million rows.
    for number in 1..=tasks {
        tasker.submit(&template, Request::new(context.clone())).await.map_err(unavailable)?;
        tell(number * STEPS_A_TASK, STEPS_A_TASK, "waiting", steps);
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
        let graph_steps = u32::try_from(graph.steps()).map_err(unavailable)?;
        let mut left = steps.div_ceil(graph_steps);
        while left > 0 {
            let now = left.min(TASKS_A_STATEMENT);
            let tasks = i32::try_from(now).map_err(unavailable)?;
            cost::write_history(&place.pool, definition, tasks).await.map_err(unavailable)?;
            left -= now;
            let steps_now = now * graph_steps;
            tell(steps.saturating_sub(left * graph_steps), steps_now, "finished", steps);
        }
    }
    Ok(())
}

/// Tells how far it is, whenever another so many steps stand.
fn tell(written: u32, now: u32, kind: &str, of: u32) {
    if of >= TOLD && written / TOLD > written.saturating_sub(now) / TOLD {
        to_stderr(format_args!("{written} of {of} {kind} steps written"));
    }
}
