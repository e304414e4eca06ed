//! What the tests of this folder share.

use std::collections::HashMap;
use std::time::Duration;

use tasker_domain::json::Json;
use tasker_domain::retry::AskedWait;
use tasker_domain::simulation::{Attempt, Attempts, CutShort, EventKind, Failed, Settings, Simulation, simulate};
use tasker_domain::template::{Source, Style, Template, parse};

/// A template without chance, of which only the steps are given: YAML flow mappings without braces.
pub(crate) fn template(head: &str, steps: &[&str]) -> Template {
    let mut text = format!("name: test\nnamespace_name: tests\nversion: 1.0.0\ntask_handler_class: T\n{head}\n");
    if !head.contains("jitter") {
        text.push_str("jitter: false\n");
    }
    text.push_str("step_templates:\n");
    for step in steps {
        text.push_str(&format!("  - {{ handler_class: H, {step} }}\n"));
    }
    match parse(&Source::new("test.yaml", text), None) {
        Ok(checked) => checked.template,
        Err(problems) => panic!("{}", problems.render(Style::Plain, 120)),
    }
}

/// Attempts by step: seconds and how they end. Past the end of a list they succeed at once.
#[derive(Default)]
pub(crate) struct Plan(HashMap<usize, Vec<Attempt>>);

pub(crate) fn ok(seconds: f64) -> Attempt {
    Attempt::succeeding(Json::parse(r#"{"ok": true}"#).unwrap()).taking(Duration::from_secs_f64(seconds))
}

pub(crate) fn fails(seconds: f64) -> Attempt {
    Attempt::failing(Failed::may_pass("not now")).taking(Duration::from_secs_f64(seconds))
}

pub(crate) fn later(seconds: u64) -> Attempt {
    Attempt::failing(Failed::may_pass("later").asking(AskedWait::AtLeast(Duration::from_secs(seconds))))
}

pub(crate) fn fatal(seconds: f64) -> Attempt {
    Attempt::failing(Failed::permanent("never")).taking(Duration::from_secs_f64(seconds))
}

impl Plan {
    pub(crate) fn on(mut self, place: usize, attempts: impl Into<Vec<Attempt>>) -> Self {
        self.0.insert(place, attempts.into());
        self
    }
}

impl Attempts for Plan {
    fn attempt(&mut self, place: usize, number: u32) -> Attempt {
        let list = self.0.get(&place).map_or(&[][..], Vec::as_slice);
        list.get(number as usize - 1).cloned().unwrap_or_else(|| ok(0.0))
    }

    fn cut_short(&mut self, _place: usize, _number: u32, cause: CutShort) -> Failed {
        Failed::may_pass(&cause.to_string())
    }
}

pub(crate) fn run(template: &Template, plan: Plan) -> Simulation {
    run_with(template, plan, Settings::default())
}

pub(crate) fn run_with(template: &Template, mut plan: Plan, settings: Settings) -> Simulation {
    simulate(template, &mut plan, settings).unwrap()
}

/// `at step event`, a line for each event; steps by name.
pub(crate) fn told(template: &Template, simulation: &Simulation) -> Vec<String> {
    let line = |event: &tasker_domain::simulation::Event| {
        let what = match event.kind {
            EventKind::Started => format!("started {}", event.attempt),
            EventKind::Succeeded => "succeeded".to_owned(),
            EventKind::Failed => "failed".to_owned(),
            EventKind::Waiting { until } => format!("waiting until {}", until.as_secs_f64()),
        };
        format!("{} {} {what}", event.at.as_secs_f64(), template.steps[event.place].name)
    };
    simulation.events().iter().map(line).collect()
}

/// The states that each step went to, as one text each.
pub(crate) fn states(simulation: &Simulation) -> Vec<String> {
    let word = |states: &Vec<tasker_domain::state::StepState>| {
        states.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    simulation.step_states().iter().map(word).collect()
}

pub(crate) fn task_states(simulation: &Simulation) -> String {
    simulation.task_states().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
