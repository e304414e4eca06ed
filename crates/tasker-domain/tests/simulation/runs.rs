//! What happens when, and how it ends.

use std::num::NonZeroUsize;
use std::time::Duration;

use tasker_domain::simulation::{ExecutionEnd, Settings, Simulation, SimulationError, simulate};
use tasker_domain::state::{StepState, TaskState};

use crate::support::{Plan, fails, fatal, later, ok, run, run_with, states, task_states, template, told};

fn workers(number: usize) -> Settings {
    Settings { workers: NonZeroUsize::new(number), seed: 0 }
}

#[test]
fn children_begin_when_the_last_parent_ends() {
    let diamond = template(
        "",
        &["name: a", "name: b, depends_on_step: a", "name: c, depends_on_step: a", "name: d, depends_on_steps: [b, c]"],
    );
    let simulation = run(&diamond, Plan::default().on(0, [ok(1.0)]).on(1, [ok(2.0)]).on(2, [ok(5.0)]).on(3, [ok(0.5)]));
    assert_eq!(
        told(&diamond, &simulation),
        [
            "0 a started 1",
            "1 a succeeded",
            "1 b started 1",
            "1 c started 1",
            "3 b succeeded",
            "6 c succeeded",
            "6 d started 1",
            "6.5 d succeeded",
        ]
    );
    assert_eq!(simulation.state(), TaskState::Complete);
    assert_eq!(simulation.ended_at(), Duration::from_millis(6_500));
    assert_eq!(task_states(&simulation), "in_progress complete");
    assert_eq!(simulation.reason().to_string(), "all 4 steps are complete or resolved by hand");
    assert!(simulation.held_by().is_empty());
}

#[test]
fn a_failure_waits_and_the_task_is_parked_meanwhile() {
    let one = template("", &["name: a, default_retry_limit: 4"]);
    let simulation = run(&one, Plan::default().on(0, [fails(1.0), later(10), fails(0.0)]));
    assert_eq!(
        told(&one, &simulation),
        [
            "0 a started 1",
            "1 a failed",
            "1 a waiting until 3",
            "3 a started 2",
            "3 a failed",
            "3 a waiting until 13",
            "13 a started 3",
            "13 a failed",
            "13 a waiting until 21",
            "21 a started 4",
            "21 a succeeded",
        ]
    );
    let again = "error pending in_progress";
    assert_eq!(states(&simulation), [format!("in_progress {again} {again} {again} complete")]);
    assert_eq!(
        task_states(&simulation),
        "in_progress pending in_progress pending in_progress pending in_progress complete"
    );
    let step = &simulation.steps()[0];
    assert_eq!((step.attempts, step.retryable, step.asked_seconds), (4, true, None));
    assert_eq!(step.results.to_string(), r#"{"ok":true}"#);
}

#[test]
fn a_task_is_not_parked_while_something_runs() {
    let two = template("", &["name: a", "name: b"]);
    let simulation = run(&two, Plan::default().on(0, [fails(0.0)]).on(1, [ok(1.0)]));
    assert_eq!(task_states(&simulation), "in_progress pending in_progress complete");
    let simulation = run(&two, Plan::default().on(0, [fails(0.0)]).on(1, [ok(2.5)]));
    assert_eq!(task_states(&simulation), "in_progress complete");
}

#[test]
fn a_dead_step_holds_what_waits_for_it_and_nothing_else() {
    let graph = template(
        "",
        &["name: a, default_retry_limit: 2", "name: b, depends_on_step: a", "name: c", "name: d, depends_on_step: c"],
    );
    let simulation = run(&graph, Plan::default().on(0, [fails(0.0), later(7)]).on(2, [ok(60.0)]));
    assert_eq!(simulation.state(), TaskState::Error);
    assert_eq!(simulation.held_by(), [0]);
    assert_eq!(simulation.ended_at(), Duration::from_secs(60));
    assert_eq!(
        states(&simulation),
        ["in_progress error pending in_progress error", "", "in_progress complete", "in_progress complete"]
    );
    assert_eq!(simulation.reason().code(), "held_by_dead_steps");
    let dead = &simulation.steps()[0];
    assert_eq!((dead.state, dead.attempts, dead.asked_seconds), (StepState::Error, 2, Some(7)));
    assert_eq!(simulation.steps()[1].state, StepState::Pending);
    assert_eq!(simulation.steps()[1].results.to_string(), "{}");
}

#[test]
fn a_permanent_failure_takes_the_retries_away() {
    let one = template("", &["name: a, default_retry_limit: 5"]);
    let simulation = run(&one, Plan::default().on(0, [fatal(3.0)]));
    let step = &simulation.steps()[0];
    assert_eq!((step.attempts, step.retryable, step.asked_seconds), (1, false, None));
    assert_eq!(simulation.executions()[0].end, ExecutionEnd::FailedForGood { error: "never".to_owned() });
}

#[test]
fn with_fail_fast_what_runs_is_told_to_stop() {
    let graph = template(
        "fail_fast: true",
        &["name: a", "name: b", "name: c", "name: d, depends_on_step: c", "name: e, default_retry_limit: 1", "name: f"],
    );
    // c succeeds and f fails at the very instant at which a dies; e would take longer, b waits for a retry.
    let plan =
        Plan::default().on(0, [fatal(2.0)]).on(1, [later(300)]).on(2, [ok(2.0)]).on(4, [ok(99.0)]).on(5, [fails(2.0)]);
    let simulation = run(&graph, plan);
    assert_eq!(simulation.state(), TaskState::Error);
    assert_eq!(simulation.ended_at(), Duration::from_secs(2));
    assert_eq!(
        states(&simulation),
        [
            "in_progress error",
            "in_progress error",
            "in_progress complete",
            "",
            "in_progress error",
            "in_progress error"
        ]
    );
    assert_eq!(simulation.held_by(), [0, 4]);
    assert_eq!(
        simulation.executions()[3].end,
        ExecutionEnd::Failed { error: "the attempt was told to stop".to_owned() }
    );
    assert_eq!(simulation.reason().code(), "halted");
    assert_eq!(task_states(&simulation), "in_progress error");
}

#[test]
fn a_time_limit_ends_an_attempt() {
    let one = template("", &["name: a, timeout_seconds: 1.5"]);
    let simulation = run(&one, Plan::default().on(0, [ok(60.0), ok(1.5)]));
    assert_eq!(
        told(&one, &simulation),
        ["0 a started 1", "1.5 a failed", "1.5 a waiting until 3.5", "3.5 a started 2", "5 a succeeded"]
    );
    let error = "the attempt took longer than its time limit of 1.5 s".to_owned();
    let until = Duration::from_millis(3_500);
    assert_eq!(simulation.executions()[0].end, ExecutionEnd::WillRetry { error, until });
}

#[test]
fn workers_take_the_line_from_its_front() {
    let line = template("", &["name: a", "name: b", "name: c, priority: 1", "name: d, depends_on_step: c"]);
    let plan = || (0..4).fold(Plan::default(), |plan, place| plan.on(place, [ok(100.0)]));
    let simulation = run_with(&line, plan(), workers(1));
    let begun: Vec<(&str, u64, u64)> = simulation
        .executions()
        .iter()
        .map(|one| (line.steps[one.place].name.as_str(), one.ready.as_secs(), one.started.as_secs()))
        .collect();
    assert_eq!(begun, [("c", 0, 0), ("a", 0, 100), ("b", 0, 200), ("d", 100, 300)]);
    assert_eq!(run_with(&line, plan(), workers(2)).ended_at(), Duration::from_secs(200));

    // Priority 2 is worth two minutes: d, ready at 100 s, stands before what was ready at 0 s.
    let line =
        template("", &["name: a", "name: b", "name: c, priority: 1", "name: d, depends_on_step: c, priority: 2"]);
    let simulation = run_with(&line, plan(), workers(1));
    let begun: Vec<usize> = simulation.executions().iter().map(|one| one.place).collect();
    assert_eq!(begun, [2, 3, 0, 1]);
}

#[test]
fn no_more_steps_run_at_once_than_there_are_workers() {
    let names: Vec<String> = (0..20).map(|step| format!("name: s{step}")).collect();
    let wide = template("", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let plan = (0..20).fold(Plan::default(), |plan, place| plan.on(place, [fails(1.0), ok(3.0)]));
    let simulation = run_with(&wide, plan, workers(3));
    let mut ends: Vec<(Duration, i32)> =
        simulation.executions().iter().flat_map(|one| [(one.started, 1), (one.ended, -1)]).collect();
    ends.sort();
    let mut running = 0;
    for (_, change) in ends {
        running += change;
        assert!(running <= 3);
    }
    assert_eq!(simulation.executions().len(), 40);
}

#[test]
fn chance_stretches_waits_by_the_seed_alone() {
    let two = template("jitter: true", &["name: a", "name: b, jitter: false", "name: c"]);
    let plan = || (0..3).fold(Plan::default(), |plan, place| plan.on(place, [fails(0.0), fails(0.0)]));
    let waits = |settings| -> Vec<Duration> {
        let simulation = run_with(&two, plan(), settings);
        let mut executions = simulation.executions().to_vec();
        executions.sort_by_key(|one| (one.place, one.attempt));
        let wait = |one: &tasker_domain::simulation::Execution| match one.end {
            ExecutionEnd::WillRetry { until, .. } => Some(until - one.ended),
            _ => None,
        };
        executions.iter().filter_map(wait).collect()
    };
    let first = waits(Settings::default());
    assert_eq!(first[2..4], [Duration::from_secs(2), Duration::from_secs(4)]);
    for (wait, plain) in first.iter().zip([2.0, 4.0, 2.0, 4.0, 2.0, 4.0]) {
        assert!((plain..=plain * 1.1).contains(&wait.as_secs_f64()), "{wait:?}");
    }
    assert_ne!(first[0], Duration::from_secs(2));
    assert_ne!(first[0], first[4]);
    assert_eq!(first, waits(Settings::default()));
    assert_eq!(first, waits(workers(1)));
    assert_ne!(first, waits(Settings { seed: 1, workers: None }));
}

#[test]
fn errors_are_merged_as_the_row_has_them() {
    let one = template("", &["name: a, default_retry_limit: 2"]);
    let mut first = fails(0.0);
    if let tasker_domain::simulation::Ending::Fails(failed) = &mut first.ending {
        failed.error.insert("error_details".to_owned(), 1.into());
    }
    let simulation = run(&one, Plan::default().on(0, [first, fatal(0.0)]));
    assert_eq!(simulation.steps()[0].results.to_string(), r#"{"error":"never","error_details":1}"#);
}

#[test]
fn three_days_of_retries() {
    let limit = 3 * 86_400 / 300 + 10;
    let one = template("", &[&format!("name: a, default_retry_limit: {limit}")]);
    let attempts: Vec<_> = (1..limit).map(|_| later(300)).collect();
    let simulation = run(&one, Plan::default().on(0, attempts));
    assert!(simulation.ended_at() > Duration::from_secs(3 * 86_400));
    assert_eq!(simulation.state(), TaskState::Complete);
}

#[test]
fn what_no_parser_makes_is_refused() {
    let mut none = template("", &["name: a"]);
    none.steps.clear();
    assert_eq!(simulate(&none, &mut Plan::default(), Settings::default()).unwrap_err(), SimulationError::NoSteps);
    let mut cycle = template("", &["name: a"]);
    cycle.steps[0].parents.push(0);
    let refused = simulate(&cycle, &mut Plan::default(), Settings::default()).unwrap_err();
    assert!(refused.to_string().starts_with("the template's steps cannot be put in order"), "{refused}");
}

#[test]
fn as_json_it_has_stable_names() {
    let two = template("", &["name: a, default_retry_limit: 2", "name: b, depends_on_step: a"]);
    let simulation = run(&two, Plan::default().on(0, [later(3), ok(0.5)]).on(1, [fatal(0.25)]));
    let text = serde_json::to_string_pretty(&simulation).unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(serde_json::from_str::<Simulation>(&text).unwrap(), simulation);
}
