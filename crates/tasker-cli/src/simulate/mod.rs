//! `tasker simulate`.

mod attempts;
mod chart;
mod document;
mod schedule;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use tasker_domain::diagram::gantt;
use tasker_domain::problem::Style;
use tasker_domain::script::OutcomeScript;
use tasker_domain::simulation::{Durations, ExecutionEnd, Settings, Simulation, simulate};
use tasker_domain::state::TaskState;
use tasker_domain::template::{Source, Template};

use crate::arguments::SimulateArguments;
use crate::failure::{ExitStatus, Failure};
use crate::feed::Order;
use crate::printing::{to_stderr, unless_closed};
use crate::view::{self, Change, Environment, Line, Look, RunModel, TaskEnd};

use attempts::Scripted;

/// Width of the chart where standard output is no terminal.
const COLUMNS: usize = 100;

/// Width of the table there.
const UNCUT: usize = 400;

pub(crate) fn run(arguments: &SimulateArguments) -> Result<ExitStatus, Failure> {
    let template = crate::template::load(&arguments.template, arguments.environment.as_deref())?.template;
    let context = crate::context::read(&arguments.context)?;
    let script = match &arguments.outcomes {
        Some(file) => crate::outcomes::load(file, &template)?,
        None => everything_succeeds(&template)?,
    };
    let durations = match &arguments.durations {
        Some(file) => durations(file, &template)?,
        None => Durations::default(),
    };
    crate::context::check(&template, &context)?;

    let mut attempts = Scripted::new(&template, script, durations);
    let settings = Settings { workers: arguments.workers, seed: arguments.seed };
    let simulation = simulate(&template, &mut attempts, settings).map_err(Failure::data)?;
    let order = Order::of(&template)?;
    let end = match simulation.state() {
        TaskState::Complete => TaskEnd::Complete,
        _ => TaskEnd::Error,
    };
    let mut stdout = std::io::stdout().lock();
    let written = if arguments.json {
        document::write(&template, &order, &simulation, &mut stdout)
    } else if arguments.svg {
        let chart = gantt::svg(&simulation.timeline(&template));
        stdout.write_all(chart.as_bytes()).and_then(|()| stdout.flush())
    } else {
        let lines = picture(&template, &order, &simulation, end)?;
        stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush())
    };
    unless_closed(written)
        .map_err(|error| Failure::new(ExitStatus::Unavailable, format!("the result cannot be written: {error}")))?;
    Ok(ExitStatus::of(end))
}

fn everything_succeeds(template: &Template) -> Result<OutcomeScript, Failure> {
    OutcomeScript::parse("{}", template).map_err(Failure::data)
}

fn durations(file: &Path, template: &Template) -> Result<Durations, Failure> {
    let name = file.display().to_string();
    let bytes =
        std::fs::read(file).map_err(|error| Failure::data(format!("the durations {name} cannot be read: {error}")))?;
    Durations::parse(&Source::new(name.clone(), bytes), template).map_err(|problems| {
        let environment = Environment::read(|variable| std::env::var_os(variable));
        let colour = Look::choose(std::io::stderr().is_terminal(), &environment).colour;
        let style = if colour { Style::Colour } else { Style::Plain };
        to_stderr(format_args!("{}\n", problems.render(style, view::stderr_columns())));
        Failure::data(format!("the durations {name} cannot be used"))
    })
}

/// What a person reads: what becomes of the task, every execution, and a chart.
fn picture(template: &Template, order: &Order, simulation: &Simulation, end: TaskEnd) -> Result<String, Failure> {
    let environment = Environment::read(|name| std::env::var_os(name));
    let look = Look::choose(std::io::stdout().is_terminal(), &environment);
    let columns = view::stdout_columns();
    let model = model(template, order, simulation, end)?;
    let mut lines = view::result_block(&model, simulation.ended_at(), &[], columns, look.charset);
    let width = columns.unwrap_or(COLUMNS);
    lines.push(Line::new());
    // Where there is no edge, nothing is cut off.
    lines.extend(schedule::table(template, simulation, columns.unwrap_or(UNCUT), look.charset));
    lines.push(Line::new());
    lines.extend(chart::chart(template, simulation, width, look.charset));
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.render(look.colour));
        text.push('\n');
    }
    Ok(text)
}

/// The run as the views of `tasker run` know it, at its end.
fn model(template: &Template, order: &Order, simulation: &Simulation, end: TaskEnd) -> Result<RunModel, Failure> {
    let mut model = order.model(template)?;
    for execution in simulation.executions() {
        let (step, attempt, at) = (order.position(execution.place), execution.attempt, execution.ended);
        let ended = match &execution.end {
            ExecutionEnd::Succeeded => Change::StepCompleted { step, attempt, at },
            ExecutionEnd::WillRetry { error, until } => {
                Change::StepRetrying { step, attempt, error: error.clone(), at, due: *until }
            }
            ExecutionEnd::Failed { error } => {
                Change::StepFailed { step, attempt, error: error.clone(), permanent: false, at }
            }
            ExecutionEnd::FailedForGood { error } => {
                Change::StepFailed { step, attempt, error: error.clone(), permanent: true, at }
            }
        };
        for change in [Change::StepStarted { step, attempt, at: execution.started }, ended] {
            model.apply(&change).map_err(Failure::data)?;
        }
    }
    model.apply(&Change::TaskEnded { state: end, at: simulation.ended_at() }).map_err(Failure::data)?;
    Ok(model)
}

/// An instant as a person reads it: `0 s`, `1.25 s`, `2 min 05 s`.
fn instant(at: Duration) -> String {
    if at.is_zero() { "0 s".to_owned() } else { view::span(at) }
}
