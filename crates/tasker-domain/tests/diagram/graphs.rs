//! Graphs as pictures.

use std::path::PathBuf;
use std::time::Duration;

use tasker_domain::diagram::{Diagram, Mark, Step};
use tasker_domain::template::{Source, parse};

use crate::kept::assert_kept;

/// The diagram of one of the project's own example workflows.
fn example(name: &str) -> Diagram {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{name}/{name}.yaml"));
    let checked = parse(&Source::new(name, std::fs::read(path).unwrap()), None).unwrap();
    Diagram::of_template(&checked.template).unwrap()
}

/// A graph of as many steps as wished, made by a small generator of its own: the same everywhere and for ever.
pub(crate) fn generated(count: usize, width: usize, seed: u64) -> Vec<Step> {
    const AREAS: [&str; 10] =
        ["orders", "stock", "billing", "mail", "search", "prices", "ledger", "partners", "reports", "archive"];
    const DEEDS: [&str; 8] = ["fetch", "check", "merge", "score", "load", "send", "split", "close"];
    let mut state = seed;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % below
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut before = 0..0;
    let mut level = 0..draw(width) + 1;
    for index in 0..count {
        if index == level.end {
            let next = 1 + if draw(5) == 0 { draw(width) / 3 } else { width / 2 + draw(width) };
            (before, level) = (level.clone(), level.end..level.end + next);
        }
        let mut parents = Vec::new();
        if !before.is_empty() {
            let place = (index - level.start) * before.len() / level.len();
            for _ in 0..1 + draw(3) / 2 + draw(6) / 5 {
                parents.push(before.start + (place + draw(3)).saturating_sub(1).min(before.len() - 1));
            }
            if draw(14) == 0 {
                parents.push(draw(before.start + 1));
            }
            parents.sort_unstable();
            parents.dedup();
        }
        let name = format!("{}_{}_{index}", DEEDS[draw(DEEDS.len())], AREAS[draw(AREAS.len())]);
        steps.push(Step { handler: Some("Generated::Step".to_owned()), ..Step::new(name, parents) });
    }
    steps
}

/// A run in the middle: what is early has ended, what is late waits.
fn running(mut steps: Vec<Step>) -> Vec<Step> {
    let count = steps.len();
    for (index, step) in steps.iter_mut().enumerate() {
        let mark = match (index * 10 / count, index % 7) {
            (0..=4, 3) => Mark::Resolved,
            (0..=4, _) => Mark::Complete,
            (5, 0) => Mark::Failed,
            (5, 1 | 4) => Mark::Waiting,
            (5, 2) => Mark::Ready,
            (5, _) => Mark::Running,
            (6.., 5) => Mark::Cancelled,
            _ => Mark::Pending,
        };
        step.mark = Some(mark);
        step.attempts_allowed = Some(3);
        step.attempts = Some(match mark {
            Mark::Pending | Mark::Ready | Mark::Cancelled => 0,
            Mark::Failed => 3,
            _ => 1 + (index % 5 == 0) as u32,
        });
        if matches!(mark, Mark::Complete | Mark::Failed) {
            step.duration = Some(Duration::from_millis(300 + index as u64 * 421 % 9000));
        }
    }
    steps
}

#[test]
fn kept_pictures_are_drawn_the_same() {
    for name in ["order", "nightly_report", "checkout", "refund", "registration", "stock"] {
        assert_kept(&format!("{name}.svg"), &example(name).svg());
    }
    let thirty = running(generated(30, 4, 7));
    assert_kept("running-30.svg", &Diagram::new("generated/thirty 1.0.0", thirty).unwrap().svg());
    let many = generated(200, 14, 3);
    assert_kept("generated-200.svg", &Diagram::new("generated/two_hundred 1.0.0", many).unwrap().svg());
}
