//! The document of `tasker simulate --json`: that of `tasker run --json`, and the timeline.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tasker_domain::simulation::{EventKind, Simulation};
use tasker_domain::template::Template;

use crate::feed::Order;
use crate::view::{RunReport, StepReport, TaskReport, seconds, write_document};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    run: RunReport,
    #[serde(rename = "virtual_seconds", serialize_with = "seconds")]
    ended: Duration,
    timeline: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(serialize_with = "seconds")]
    at: Duration,
    step: &'a str,
    event: &'static str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_seconds")]
    until: Option<Duration>,
}

/// Writes the document.
pub(super) fn write(template: &Template, order: &Order, simulation: &Simulation, stream: impl Write) -> io::Result<()> {
    let mut states = simulation.step_states();
    let mut steps = Vec::with_capacity(template.steps.len());
    for &place in &order.places {
        let step = &simulation.steps()[place];
        steps.push(StepReport {
            name: template.steps[place].name.clone(),
            state: step.state.to_string(),
            attempts: step.attempts,
            transitions: std::mem::take(&mut states[place]).iter().map(ToString::to_string).collect(),
            results: RawValue::from_string(step.results.jsonb_text())?,
        });
    }
    let run = RunReport {
        task: TaskReport {
            id: None,
            namespace: template.namespace.clone(),
            name: template.name.clone(),
            version: template.version.to_string(),
            state: simulation.state().to_string(),
        },
        steps,
        executions: simulation.executions().len() as u64,
        elapsed: simulation.ended_at(),
    };
    let timeline = simulation
        .events()
        .iter()
        .map(|event| {
            let (word, until) = match event.kind {
                EventKind::Started => ("started", None),
                EventKind::Succeeded => ("succeeded", None),
                EventKind::Failed => ("failed", None),
                EventKind::Waiting { until } => ("waiting", Some(until)),
            };
            Entry { at: event.at, step: &template.steps[event.place].name, event: word, attempt: event.attempt, until }
        })
        .collect();
    write_document(&Document { run, ended: simulation.ended_at(), timeline }, stream)
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn some_seconds<S: serde::Serializer>(until: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match until {
        Some(until) => seconds(until, serializer),
        None => serializer.serialize_none(),
    }
}
