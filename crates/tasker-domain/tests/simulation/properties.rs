//! Whatever graph, script and settings: a run comes to its end, and its history is one.

use std::num::NonZeroUsize;
use std::time::Duration;

use proptest::prelude::*;
use tasker_domain::simulation::{Attempt, Durations, ExecutionEnd, Move, Settings, Simulation};
use tasker_domain::state::{StepState, TaskState};
use tasker_domain::template::{Source, Template};

use crate::support::{Plan, fails, fatal, later, ok, run_with, template};

fn attempt() -> impl Strategy<Value = Attempt> {
    let seconds = prop_oneof![Just(0.0), 0.0..100.0f64, Just(2.0), Just(3e8)];
    prop_oneof![
        4 => seconds.clone().prop_map(ok),
        3 => seconds.clone().prop_map(fails),
        2 => any::<u64>().prop_map(later),
        1 => seconds.prop_map(fatal),
    ]
}

#[derive(Debug, Clone)]
struct StepDraw {
    parents: Vec<prop::sample::Index>,
    limit: u32,
    retryable: bool,
    priority: i32,
    time_limit: Option<u32>,
    attempts: Vec<Attempt>,
}

fn step() -> impl Strategy<Value = StepDraw> {
    (
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        0..6u32,
        any::<bool>(),
        prop_oneof![Just(0), -3..4i32, Just(i32::MAX), Just(i32::MIN)],
        prop::option::weighted(0.2, 1..10u32),
        prop::collection::vec(attempt(), 0..7),
    )
        .prop_map(|(parents, limit, retryable, priority, time_limit, attempts)| StepDraw {
            parents,
            limit,
            retryable,
            priority,
            time_limit,
            attempts,
        })
}

fn built(steps: &[StepDraw], fail_fast: bool, jitter: bool) -> (Template, Plan) {
    let mut plan = Plan::default();
    let lines: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| {
            let mut parents: Vec<String> =
                step.parents.iter().filter(|_| place > 0).map(|parent| format!("s{}", parent.index(place))).collect();
            parents.sort();
            parents.dedup();
            let limit = step.time_limit.map(|seconds| format!(", timeout_seconds: {seconds}")).unwrap_or_default();
            format!(
                "name: s{place}, depends_on_steps: [{}], default_retry_limit: {}, default_retryable: {}{limit}",
                parents.join(", "),
                step.limit,
                step.retryable,
            )
        })
        .collect();
    let mut template = template(
        &format!("fail_fast: {fail_fast}\njitter: {jitter}"),
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    for (place, step) in steps.iter().enumerate() {
        template.steps[place].priority = step.priority;
        plan = plan.on(place, step.attempts.clone());
    }
    (template, plan)
}

fn check(template: &Template, simulation: &Simulation, workers: Option<NonZeroUsize>) -> Result<(), TestCaseError> {
    // Histories go by legal edges, each from where the last led, and never back in time.
    let mut step_states = vec![StepState::Pending; template.steps.len()];
    let mut task_state = TaskState::Pending;
    let mut now = Duration::ZERO;
    for row in simulation.transitions() {
        prop_assert!(row.at >= now);
        now = row.at;
        match row.moved {
            Move::Task { from, to } => {
                prop_assert_eq!(from, task_state);
                let legal = matches!(
                    (from, to),
                    (TaskState::Pending, TaskState::InProgress)
                        | (TaskState::InProgress, TaskState::Pending | TaskState::Complete | TaskState::Error)
                );
                prop_assert!(legal, "{from} → {to}");
                task_state = to;
            }
            Move::Step { place, from, to, .. } => {
                prop_assert_eq!(from, step_states[place]);
                let legal = matches!(
                    (from, to),
                    (StepState::Pending, StepState::InProgress)
                        | (StepState::InProgress, StepState::Complete | StepState::Error)
                        | (StepState::Error, StepState::Pending)
                );
                prop_assert!(legal, "{from} → {to}");
                if to == StepState::InProgress {
                    prop_assert!(template.steps[place].parents.iter().all(|&p| step_states[p] == StepState::Complete));
                    prop_assert_eq!(task_state, TaskState::InProgress);
                    let running = step_states.iter().filter(|state| **state == StepState::InProgress).count();
                    prop_assert!(workers.is_none_or(|workers| running < workers.get()));
                }
                step_states[place] = to;
            }
        }
    }
    prop_assert_eq!(task_state, simulation.state());
    prop_assert!(task_state.is_at_rest());
    let is_complete = step_states.iter().all(|state| *state == StepState::Complete);
    prop_assert_eq!(task_state == TaskState::Complete, is_complete);
    prop_assert_eq!(simulation.held_by().is_empty(), is_complete);
    // The end is the last event's, and nothing is left running.
    prop_assert_eq!(simulation.ended_at(), now);
    prop_assert!(!step_states.contains(&StepState::InProgress));
    for ((step, row), state) in template.steps.iter().zip(simulation.steps()).zip(&step_states) {
        prop_assert_eq!(row.state, *state);
        prop_assert!(row.attempts <= step.attempts_allowed());
        let is_open = match row.state {
            StepState::Pending => true,
            StepState::Error => row.retryable && row.attempts < step.attempts_allowed(),
            _ => false,
        };
        let parents_done = step.parents.iter().all(|&parent| step_states[parent] == StepState::Complete);
        // nothing that could go on is left, but where a death halted the task.
        prop_assert!(!(is_open && parents_done) || template.fail_fast);
    }
    for execution in simulation.executions() {
        prop_assert!(execution.ready <= execution.started && execution.started <= execution.ended);
        if let ExecutionEnd::WillRetry { until, .. } = execution.end {
            prop_assert!(until > execution.ended);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_run_comes_to_its_end(
        steps in prop::collection::vec(step(), 1..12),
        fail_fast in any::<bool>(),
        jitter in any::<bool>(),
        workers in prop::option::of(1..4usize),
        seed in any::<u64>(),
    ) {
        let settings = Settings { workers: workers.and_then(NonZeroUsize::new), seed };
        let (template, plan) = built(&steps, fail_fast, jitter);
        let simulation = run_with(&template, plan, settings);
        check(&template, &simulation, settings.workers)?;
        let (template, plan) = built(&steps, fail_fast, jitter);
        prop_assert_eq!(simulation, run_with(&template, plan, settings));
    }

    #[test]
    fn durations_of_any_text_are_read_or_refused(text in "\\PC{0,40}") {
        let template = template("", &["name: a"]);
        let _ = Durations::parse(&Source::new("d", text.clone()), &template);
        let _ = Durations::parse(&Source::new("d", format!("a: {text}")), &template);
        let _ = Durations::parse(&Source::new("d", format!("a: {text:?}")), &template);
    }

    #[test]
    fn a_span_is_read_as_it_is_meant(days in 0..50u64, hours in 0..24u64, seconds in 0..60u64, millis in 0..1000u64) {
        let template = template("", &["name: a"]);
        let text = format!("a: '{days}d {hours}h{seconds} s {millis}ms'");
        let durations = Durations::parse(&Source::new("d", text), &template).unwrap();
        let expected = Duration::from_secs(days * 86_400 + hours * 3_600 + seconds) + Duration::from_millis(millis);
        let read = durations.of(0, 1).unwrap();
        prop_assert!(read.abs_diff(expected) < Duration::from_micros(1));
    }
}
