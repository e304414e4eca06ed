//! Plays a scripted run through the views of `tasker run`, to look at them: no database, no engine.
//!
//! `cargo run -p tasker-cli --example view_demo [order|wide|chain] [complete|error|interrupted] [SPEED]`

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tasker_cli::view::{
    Change, Environment, Look, Mode, NextStep, Phase, Progress, REDRAW_INTERVAL, RunModel, StepSpec, StopReason,
    TaskEnd, result_block, stdout_columns,
};
use tasker_core::clock::{Clock, SystemClock};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| arguments.get(index).map(String::as_str);
    let (name, specs) = match word(0) {
        None | Some("order") => ("process_order", order()),
        Some("wide") => ("send_invoices", wide(500)),
        Some("chain") => ("long_chain", chain(300)),
        Some(other) => return Err(format!("unknown run `{other}`; there are order, wide and chain").into()),
    };
    let ending = word(1).unwrap_or("complete");
    let speed: f64 = word(2).map_or(Ok(1.0), str::parse)?;

    let environment = Environment::read(|name| std::env::var_os(name));
    let mode = Mode::choose(io::stderr().is_terminal(), false, &environment);
    let script = script(&specs, ending)?;
    let model = RunModel::new("shop", name, "1.0.0", specs)?;
    let mut progress = Progress::new(model, mode, Look::choose(io::stderr().is_terminal(), &environment));

    let clock = SystemClock::new();
    let now = || clock.elapsed().mul_f64(speed);
    for change in script {
        while now() < change.at() {
            progress.tick(now())?;
            wait(REDRAW_INTERVAL / 4);
        }
        progress.apply(&change, now())?;
    }
    progress.finish(now())?;

    let next = match progress.model().phase() {
        Phase::Ended { state: TaskEnd::Complete, .. } => NextStep {
            purpose: "To look at its rows".to_owned(),
            command: "tasker postgres psql -c 'select * from tasker_workflow_steps where task_id = 17'".to_owned(),
        },
        _ => NextStep {
            purpose: "To go on where it stopped".to_owned(),
            command: "tasker run examples/order/order.yaml --resume 17".to_owned(),
        },
    };
    let look = Look::choose(io::stdout().is_terminal(), &environment);
    let mut stdout = io::stdout().lock();
    for line in result_block(progress.model(), now(), &[next], stdout_columns(), look.charset) {
        writeln!(stdout, "{}", line.render(look.colour))?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a demonstration for people's eyes, in real time")]
fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

fn step(name: &str, parents: &[usize]) -> StepSpec {
    StepSpec { name: name.to_owned(), parents: parents.to_vec(), attempt_limit: 3 }
}

fn order() -> Vec<StepSpec> {
    vec![
        step("validate_order", &[]),
        step("check_customer", &[0]),
        step("reserve_stock", &[0]),
        step("price_order", &[0]),
        step("charge_payment", &[1, 2, 3]),
        step("book_parcel", &[2]),
        step("send_confirmation", &[4]),
        step("ship_order", &[4, 5]),
    ]
}

fn wide(width: usize) -> Vec<StepSpec> {
    let mut steps = vec![step("list_customers", &[])];
    steps.extend((1..=width).map(|number| step(&format!("invoice_{number:04}"), &[0])));
    steps.push(step("close_books", &(1..=width).collect::<Vec<_>>()));
    steps
}

fn chain(length: usize) -> Vec<StepSpec> {
    (0..length)
        .map(|position| {
            let parents: Vec<usize> = position.checked_sub(1).into_iter().collect();
            step(&format!("link_{position:04}"), &parents)
        })
        .collect()
}

/// Runs the steps with eight workers, each attempt a few hundred milliseconds; every seventh step fails once.
fn script(specs: &[StepSpec], ending: &str) -> Result<Vec<Change>, Box<dyn Error>> {
    const WORKERS: usize = 8;
    let at = Duration::from_millis;
    let mut changes = vec![
        Change::Notice { text: "started PostgreSQL 15.13 in ~/.local/share/tasker/postgres".to_owned(), at: at(5) },
        Change::TaskCreated { id: 17, at: at(20) },
    ];
    let mut workers = [30_u64; WORKERS];
    let mut finished: Vec<Option<u64>> = vec![None; specs.len()];
    for (position, spec) in specs.iter().enumerate() {
        let Some(ready) = spec.parents.iter().try_fold(30, |latest, &parent| Some(finished[parent]?.max(latest)))
        else {
            continue;
        };
        let worker = (0..WORKERS).min_by_key(|&worker| workers[worker]).ok_or("there is no worker")?;
        let length = 60 + (position as u64 * 7_919) % 900;
        let mut start = ready.max(workers[worker]) + 1;
        changes.push(Change::StepStarted { step: position, attempt: 1, at: at(start) });
        let is_doomed = ending == "error" && (position == 2 || position == 3);
        if is_doomed || position % 7 == 2 {
            let error = "warehouse is busy\n  at handlers/reserve_stock.sh:12".to_owned();
            let failed = start + length / 2;
            start = failed + 2_100;
            changes.push(Change::StepRetrying { step: position, attempt: 1, error, at: at(failed), due: at(start) });
            changes.push(Change::StepStarted { step: position, attempt: 2, at: at(start) });
        }
        workers[worker] = start + length;
        let end = at(start + length);
        if is_doomed {
            let error = "card was declined: insufficient funds".to_owned();
            changes.push(Change::StepFailed { step: position, attempt: 2, error, permanent: true, at: end });
        } else {
            finished[position] = Some(start + length);
            let attempt = if position % 7 == 2 { 2 } else { 1 };
            changes.push(Change::StepCompleted { step: position, attempt, at: end });
        }
    }
    changes.sort_by_key(Change::at);
    let last = changes.last().map(Change::at).unwrap_or_default();
    match ending {
        "complete" => changes.push(Change::TaskEnded { state: TaskEnd::Complete, at: last }),
        "error" => changes.push(Change::TaskEnded { state: TaskEnd::Error, at: last }),
        "interrupted" => {
            let stop = last / 2;
            changes.retain(|change| change.at() < stop);
            changes.push(Change::RunStopped { reason: StopReason::Interrupted, at: stop });
        }
        other => return Err(format!("unknown ending `{other}`; there are complete, error and interrupted").into()),
    }
    Ok(changes)
}
