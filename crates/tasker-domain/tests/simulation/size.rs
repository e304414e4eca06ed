//! Large runs stay linear: these would take minutes if they were not.

use std::time::Duration;

use tasker_domain::state::TaskState;

use crate::support::{Plan, fails, ok, run, template};

fn steps(number: usize, more: impl Fn(usize) -> String) -> Vec<String> {
    (0..number).map(|step| format!("name: s{step}{}", more(step))).collect()
}

fn of(steps: &[String]) -> tasker_domain::template::Template {
    template("", &steps.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn ten_thousand_wide() {
    let wide = of(&steps(10_000, |_| String::new()));
    let plan = (0..10_000).fold(Plan::default(), |plan, place| plan.on(place, [fails(1.0), ok(1.0)]));
    let simulation = run(&wide, plan);
    assert_eq!(simulation.executions().len(), 20_000);
    assert_eq!(simulation.ended_at(), Duration::from_secs(4));
    assert_eq!(simulation.timeline(&wide).attempts.len(), 20_000);
}

#[test]
fn five_thousand_deep() {
    let deep = of(&steps(5_000, |step| match step {
        0 => String::new(),
        step => format!(", depends_on_step: s{}", step - 1),
    }));
    let plan = (0..5_000).fold(Plan::default(), |plan, place| plan.on(place, [fails(0.0), fails(0.0), ok(1.0)]));
    let simulation = run(&deep, plan);
    assert_eq!(simulation.state(), TaskState::Complete);
    assert_eq!(simulation.ended_at(), Duration::from_secs(5_000 * 7));
}

#[test]
fn a_fan_in_of_ten_thousand() {
    let fan = of(&steps(10_001, |step| match step {
        10_000 => {
            let parents: Vec<String> = (0..10_000).map(|parent| format!("s{parent}")).collect();
            format!(", depends_on_steps: [{}]", parents.join(", "))
        }
        _ => String::new(),
    }));
    assert_eq!(run(&fan, Plan::default()).executions().len(), 10_001);
}
